#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "clickhouse/block_plan.h"
#include "model/column.h"

namespace penstock::clickhouse {

/// `rows` consecutive rows that come from one partition.
struct OriginRun {
  std::size_t rows = 0;
  std::string_view topic{};
  std::int32_t partition = 0;
};

/// Kafka's metadata of the rows of a slice, for the columns that are mapped to it. What no column
/// asks for may be empty; what one asks for must cover the slice's rows from `begin` to `end`.
struct RowMeta {
  std::span<const OriginRun> origins{};
  std::span<const std::int64_t> offsets{};        ///< One a row, the first is row `begin`'s.
  std::span<const std::int64_t> timestamps_ms{};  ///< As offsets.
  std::int64_t ingest_time_ms = 0;                ///< When the message was made.
};

/// Rows of one decoded message that go into a block. Everything is borrowed for the call.
struct RowSlice {
  std::span<const ColumnView> columns{};
  std::size_t begin = 0;  ///< Of the columns' rows [begin, end) …
  std::size_t end = 0;
  std::span<const std::size_t> left_out{};  ///< … without these: sorted indices into the columns.
  RowMeta meta{};
};

/// A row that cannot become a row of the table. It is in no column of the block.
struct BadRow {
  std::size_t row = 0;  ///< Index into the slice's columns.
  std::string column;   ///< The first column that refuses it.
  std::string message;  ///< One sentence with column, type and value.
};

enum class BodyCodec : std::uint8_t { kNone, kLz4, kZstd };
inline constexpr BodyCodec kDefaultBodyCodec = BodyCodec::kLz4;

/// One Native block as the body of an INSERT.
struct EncodedBlock {
  std::string body;  ///< Compressed as `codec` says.
  std::size_t rows = 0;
  std::size_t raw_bytes = 0;  ///< Before compression.
  BodyCodec codec = BodyCodec::kNone;
};

/// Converts rows of messages into a block in ClickHouse's Native format, column by column.
///
/// A row goes in whole or not at all: one that a column refuses is reported and left out of
/// every column. Values arrive exactly or are refused; nothing wraps, rounds or is cut, except
/// where the column's type says so (DateTime has no fractions). Memory: the columns' bytes, kept
/// from block to block, and the compressed body.
///
/// One owner thread. The plan may be shared.
class BlockBuilder {
 public:
  explicit BlockBuilder(std::shared_ptr<const BlockPlan> plan);
  ~BlockBuilder();
  BlockBuilder(BlockBuilder&&) noexcept;
  BlockBuilder& operator=(BlockBuilder&&) noexcept;

  /// Adds the slice's rows and returns those that were refused, by row. Fails, with nothing added,
  /// with code "schema" when the message lacks a column of the plan and "corrupt" when its bytes
  /// are not what a decoder hands out.
  Result<std::vector<BadRow>> Append(const RowSlice& slice);

  std::size_t rows() const;
  /// The block's size so far, before compression.
  std::size_t raw_bytes() const;

  /// The block, and an empty builder. Without rows the body is empty. The capacity of `memory`,
  /// an old block's body, is used again.
  EncodedBlock Finish(BodyCodec codec = kDefaultBodyCodec, std::string memory = {});
  void Clear();

 private:
  class Columns;

  std::shared_ptr<const BlockPlan> plan_;
  std::unique_ptr<Columns> columns_;
};

}  // namespace penstock::clickhouse
