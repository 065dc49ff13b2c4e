#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/record_source.h"
#include "json/record_parser.h"
#include "model/ids.h"
#include "model/plan.h"

namespace penstock::stage {

/// From a Kafka record to the cells of a row and its shard. One thread.
class RecordReader {
 public:
  struct Options {
    SourcePlan plan;
    std::uint32_t shards = 0;
  };
  struct Row {
    std::span<const Cell> cells;  ///< Borrowed until the next Read.
    std::size_t bytes = 0;        ///< About what the row takes in a batch, uncompressed.
    ShardId shard;
  };

  /// Fails (kStop, "config") on a plan that the parser refuses.
  static Result<RecordReader> Make(Options options);

  /// Fails with remedy kDeadLetter; Error::code is a DeadLetterReason's text.
  Result<Row> Read(const io::RecordChunk& chunk, std::size_t index);

  /// The shard of a record that has no usable key: also where its dead letter is accounted for.
  ShardId ShardWithoutKey(std::int32_t partition, Offset offset) const;
  bool routes_by_key() const { return !key_cells_.empty(); }

 private:
  RecordReader(Options options, json::RecordParser parser);

  Result<ShardId> ShardOfCells(std::span<const Cell> cells);
  std::span<const Cell> WithMetadata(std::span<const Cell> fields, const io::RecordChunk& chunk,
                                     std::size_t index);

  Options options_;
  json::RecordParser parser_;
  bool has_metadata_ = false;
  std::vector<Cell> cells_;  // Of a row with metadata columns.
  std::string headers_;
  std::vector<std::size_t> key_cells_;
  std::string key_;
};

}  // namespace penstock::stage
