#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "clickhouse/error_class.h"
#include "clickhouse/table.h"
#include "model/dead_letter.h"
#include "sink/block.h"
#include "sink/pieces.h"

namespace penstock::sink {

/// A piece of a block in the form in which the table takes it.
struct PreparedBlock {
  std::string body;
  std::size_t rows = 0;
  std::size_t raw_bytes = 0;  ///< Before compression.
  /// Its columns, in order, and the version of the table that it was made for.
  std::shared_ptr<const std::vector<std::string>> columns;
  std::uint64_t table_version = 0;
  /// The first row in it.
  Origin first_origin;
  Offset first_offset;
  /// Rows that no column value could be made of, each with the sentence that says why.
  std::vector<DeadLetter> bad_rows;
  /// Kafka timestamps of every `sample_weight`-th row, for the latency histogram.
  std::vector<std::int64_t> sampled_timestamps_ms;
  std::uint64_t sample_weight = 1;
};

/// How an attempt to reach the table ended, if not well.
struct TableTrouble {
  clickhouse::ErrorClass error_class = clickhouse::ErrorClass::kTransient;
  int code = 0;             ///< ClickHouse's, 0 for none.
  std::string code_name{};  ///< "VIOLATED_CONSTRAINT"
  std::string column{};     ///< Where ClickHouse names one.
  std::string message{};    ///< What happened and what to do.
  bool answered = true;     ///< False: the insert may have been applied.
  std::size_t limit = 0;    ///< kSplit: the most partitions that the server takes; 0: not told.
};

/// The table that a pipeline writes into. Thread-safe: the pool's workers share it. Nothing here
/// retries; the caller does.
class TableWriter {
 public:
  virtual ~TableWriter() = default;

  /// Learns the table's columns, if they are not known or `refresh` asks for it.
  virtual std::optional<TableTrouble> Describe(bool refresh, std::stop_token stop) = 0;
  /// Another one whenever Describe has found another table than before.
  virtual std::uint64_t version() = 0;
  /// How long the described table remembers tokens.
  virtual clickhouse::TokenWindow Window() = 0;
  /// What the described table is partitioned by, as an expression; empty: by nothing.
  virtual std::string PartitionKey() = 0;

  /// Converts and compresses the rows of a piece but those given up. Needs a described table.
  /// Fails (kStop) when a message of the block cannot be read.
  virtual Result<PreparedBlock> Prepare(const Block& block, const Piece& piece) = 0;

  /// Inserts under the token; a repeat of an insert that was applied is of no effect. `prepared`
  /// is the same afterwards, ready for another attempt.
  virtual std::optional<TableTrouble> Insert(PreparedBlock& prepared, std::string_view token,
                                             std::stop_token stop) = 0;

  /// After an insert of the piece went through of which an attempt up to `ago` earlier had no
  /// answer: how many of its rows the table does not have all the same. A server that is killed
  /// between writing down the token and giving the part its name keeps the token, not the rows, and
  /// drops every repeat. 0 without looking, where that cannot have been.
  virtual std::optional<TableTrouble> CountMissing(const Block& block, const Piece& piece,
                                                   std::chrono::seconds ago, std::size_t& missing,
                                                   std::stop_token stop) = 0;

  /// Has the server compute, for each row of the block, a hash of `partition_key`; by row number,
  /// 0 for those given up.
  virtual std::optional<TableTrouble> HashPartitions(const Block& block,
                                                     std::string_view partition_key,
                                                     std::vector<std::uint64_t>& hashes,
                                                     std::stop_token stop) = 0;

  /// Dead letters of these rows of the block, in any order; the caller says what is wrong.
  virtual Result<std::vector<DeadLetter>> Letters(const Block& block,
                                                  std::span<const GivenUp> rows) = 0;
};

}  // namespace penstock::sink
