#include "clickhouse/block_builder.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/compression.h"
#include "clickhouse/column_writer.h"
#include "clickhouse/writer_factory.h"
#include "model/clickhouse_type.h"

namespace penstock::clickhouse {

namespace {

using Source = PlannedColumn::Source;

WriterPtr WriterOf(const PlannedColumn& column) {
  const bool time = column.source == Source::kTimestamp || column.source == Source::kIngestTime;
  auto type = ParseClickHouseType(column.type);
  PENSTOCK_CHECK(type.ok(), "a plan has types that can be read");
  const WriterOptions options{
      .texts = column.texts, .null_as_default = column.null_as_default, .milliseconds = time};
  auto writer = column.member.empty() ? MakeWriter(type.value(), options)
                                      : MakeMemberWriter(type.value(), column.member, options);
  PENSTOCK_CHECK(writer.ok(), "a plan has types that can be written");
  return std::move(writer).value();
}

Error Corrupt(std::string_view what) {
  return Error{Remedy::kStop, "corrupt", fmt::format("rows of a message: {}", what)};
}

// The rows that are left when those of `left_out` are taken from [begin, end).
std::vector<RowRun> RunsOf(std::size_t begin, std::size_t end,
                           std::span<const std::size_t> left_out) {
  std::vector<RowRun> runs;
  for (const std::size_t row : left_out) {
    if (row < begin || row >= end) continue;
    if (row > begin) runs.push_back({begin, row});
    begin = row + 1;
  }
  if (begin < end) runs.push_back({begin, end});
  return runs;
}

std::size_t RowsOf(std::span<const RowRun> runs) {
  std::size_t rows = 0;
  for (const RowRun& run : runs) rows += run.end - run.begin;
  return rows;
}

Status CheckColumn(const ColumnView& column, std::size_t end) {
  const std::size_t width = FixedWidth(column.type);
  if (column.rows < end || (width != 0 && column.data.size() / width < column.rows) ||
      (column.HasGaps() && column.presence.size() < column.rows)) {
    return Corrupt(fmt::format("column {} is shorter than its {} rows", column.name, column.rows));
  }
  return Done{};
}

class StringSink final : public ByteSink {
 public:
  explicit StringSink(std::string& out) : out_(out) {}
  void Write(std::string_view bytes) override { out_.append(bytes); }

 private:
  std::string& out_;
};

// Compresses the columns where they lie: the block is never in one place uncompressed.
class Lz4Sink final : public ByteSink {
 public:
  explicit Lz4Sink(Lz4FrameWriter& frame) : frame_(frame) {}
  void Write(std::string_view bytes) override {
    frame_.Write(bytes);
    bytes_ += bytes.size();
  }
  std::size_t bytes() const { return bytes_; }

 private:
  Lz4FrameWriter& frame_;
  std::size_t bytes_ = 0;
};

}  // namespace

// The columns' writers, and where each finds its column in a message.
class BlockBuilder::Columns {
 public:
  explicit Columns(const BlockPlan& plan) {
    for (const PlannedColumn& column : plan.columns()) {
      columns_.push_back({&column, WriterOf(column), 0});
    }
  }

  std::size_t rows() const { return rows_; }
  Lz4FrameWriter& lz4() { return lz4_; }
  std::size_t bytes() const {
    std::size_t bytes = 0;
    for (const One& one : columns_) bytes += one.writer->bytes();
    return bytes;
  }
  void Clear() {
    rows_ = 0;
    for (One& one : columns_) one.writer->Clear();
  }

  Result<std::vector<BadRow>> Append(const RowSlice& slice) {
    std::vector<BadRow> bad;
    PENSTOCK_RETURN_IF_ERROR(Resolve(slice));
    std::vector<RowRun> runs = RunsOf(slice.begin, slice.end, slice.left_out);
    for (One& one : columns_) one.writer->Mark();
    PENSTOCK_RETURN_IF_ERROR(Convert(slice, runs, bad));
    if (!bad.empty()) {
      Rollback();
      KeepFirstOfEachRow(bad);
      runs = RunsWithout(slice, bad);
      std::vector<BadRow> none;
      PENSTOCK_RETURN_IF_ERROR(Convert(slice, runs, none));
      PENSTOCK_CHECK(none.empty(), "what refuses a row the second time refused it the first time");
    }
    rows_ += RowsOf(runs);
    return bad;
  }

  /// The whole block.
  void Write(ByteSink& sink) const {
    std::string header;
    AppendVarint(header, columns_.size());
    AppendVarint(header, rows_);
    for (const One& one : columns_) {
      AppendString(header, one.plan->column);
      AppendString(header, one.plan->type);
      sink.Write(header);
      header.clear();
      one.writer->WritePrefix(sink);
      one.writer->WriteData(sink);
    }
  }

 private:
  struct One {
    const PlannedColumn* plan;
    WriterPtr writer;
    std::size_t place;  // In the last message, among the columns.
  };

  // Finds each field's column; mostly it is where it was in the last message.
  Status Resolve(const RowSlice& slice) {
    if (slice.begin > slice.end) return Corrupt("the slice ends before it begins");
    for (One& one : columns_) {
      if (one.plan->source != Source::kField) {
        PENSTOCK_RETURN_IF_ERROR(CheckMeta(slice, one.plan->source));
        continue;
      }
      const auto is_it = [&](const ColumnView& column) { return column.name == one.plan->field; };
      if (one.place >= slice.columns.size() || !is_it(slice.columns[one.place])) {
        const auto found = std::ranges::find_if(slice.columns, is_it);
        if (found == slice.columns.end()) {
          return Error{Remedy::kStop, "schema",
                       fmt::format("the message has no field `{}` for column `{}`", one.plan->field,
                                   one.plan->column)};
        }
        one.place = static_cast<std::size_t>(found - slice.columns.begin());
      }
      PENSTOCK_RETURN_IF_ERROR(CheckColumn(slice.columns[one.place], slice.end));
    }
    return Done{};
  }

  static Status CheckMeta(const RowSlice& slice, Source source) {
    const std::size_t rows = slice.end - slice.begin;
    std::size_t has = rows;
    if (source == Source::kOffset) has = slice.meta.offsets.size();
    if (source == Source::kTimestamp) has = slice.meta.timestamps_ms.size();
    if (source == Source::kTopic || source == Source::kPartition) {
      has = 0;
      for (const OriginRun& run : slice.meta.origins) has += run.rows;
    }
    if (has < rows) return Corrupt(fmt::format("metadata of {} rows for {}", has, rows));
    return Done{};
  }

  Status Convert(const RowSlice& slice, std::span<const RowRun> runs, std::vector<BadRow>& bad) {
    const std::size_t rows = RowsOf(runs);
    for (One& one : columns_) {
      faults_.Clear();
      if (one.plan->source == Source::kField) {
        one.writer->Append({slice.columns[one.place], runs, rows, false}, faults_);
      } else {
        AppendMeta(one, slice, runs, rows);
      }
      if (faults_.corrupt()) {
        Rollback();
        return Corrupt(fmt::format("column {} is shorter than its rows", one.plan->field));
      }
      for (const RowFault& fault : faults_.faults()) {
        bad.push_back({fault.row, one.plan->column,
                       fmt::format("column `{}`, {}", one.plan->column, fault.message)});
      }
    }
    return Done{};
  }

  // Metadata becomes a column of the slice's rows alone.
  void AppendMeta(One& one, const RowSlice& slice, std::span<const RowRun> runs, std::size_t rows) {
    const std::size_t all = slice.end - slice.begin;
    std::vector<RowRun> shifted(runs.begin(), runs.end());
    for (RowRun& run : shifted) {
      run.begin -= slice.begin;
      run.end -= slice.begin;
    }
    std::string data;
    ColumnView column{one.plan->field, PhysicalType::kInt64, all, {}, {}};
    switch (one.plan->source) {
      case Source::kOffset:
        column.data = BytesOf(slice.meta.offsets.data(), all * sizeof(std::int64_t));
        break;
      case Source::kTimestamp:
        column.data = BytesOf(slice.meta.timestamps_ms.data(), all * sizeof(std::int64_t));
        break;
      case Source::kIngestTime:
        for (std::size_t i = 0; i < all; ++i)
          penstock::AppendFixed(data, slice.meta.ingest_time_ms);
        column.data = data;
        break;
      case Source::kField:
      case Source::kTopic:
      case Source::kPartition:
        column.type =
            one.plan->source == Source::kTopic ? PhysicalType::kString : PhysicalType::kInt64;
        AppendOrigins(slice.meta.origins, column.type, data);
        column.data = data;
        break;
    }
    one.writer->Append({column, shifted, rows, false}, faults_);
  }

  static void AppendOrigins(std::span<const OriginRun> origins, PhysicalType type,
                            std::string& data) {
    for (const OriginRun& run : origins) {
      for (std::size_t i = 0; i < run.rows; ++i) {
        if (type == PhysicalType::kString) {
          AppendString(data, run.topic);
        } else {
          penstock::AppendFixed<std::int64_t>(data, run.partition);
        }
      }
    }
  }

  void Rollback() {
    for (One& one : columns_) one.writer->Rollback();
  }

  static void KeepFirstOfEachRow(std::vector<BadRow>& bad) {
    std::ranges::stable_sort(bad, {}, &BadRow::row);
    const auto repeats = std::ranges::unique(bad, {}, &BadRow::row);
    bad.erase(repeats.begin(), repeats.end());
  }

  static std::vector<RowRun> RunsWithout(const RowSlice& slice, const std::vector<BadRow>& bad) {
    std::vector<std::size_t> left_out(slice.left_out.begin(), slice.left_out.end());
    for (const BadRow& row : bad) left_out.push_back(row.row);
    std::ranges::sort(left_out);
    return RunsOf(slice.begin, slice.end, left_out);
  }

  std::vector<One> columns_;
  std::size_t rows_ = 0;
  FaultLog faults_;
  Lz4FrameWriter lz4_;
};

BlockBuilder::BlockBuilder(std::shared_ptr<const BlockPlan> plan)
    : plan_(std::move(plan)), columns_(std::make_unique<Columns>(*plan_)) {}
BlockBuilder::~BlockBuilder() = default;
BlockBuilder::BlockBuilder(BlockBuilder&&) noexcept = default;
BlockBuilder& BlockBuilder::operator=(BlockBuilder&&) noexcept = default;

Result<std::vector<BadRow>> BlockBuilder::Append(const RowSlice& slice) {
  return columns_->Append(slice);
}

std::size_t BlockBuilder::rows() const {
  return columns_->rows();
}
std::size_t BlockBuilder::raw_bytes() const {
  return columns_->bytes();
}
void BlockBuilder::Clear() {
  columns_->Clear();
}

EncodedBlock BlockBuilder::Finish(BodyCodec codec, std::string memory) {
  EncodedBlock block;
  block.rows = columns_->rows();
  if (block.rows == 0) return block;
  block.codec = codec;
  block.body = std::move(memory);
  block.body.clear();
  if (codec == BodyCodec::kLz4) {
    Lz4Sink sink(columns_->lz4());
    columns_->lz4().Start(block.body);
    columns_->Write(sink);
    columns_->lz4().Finish();
    block.raw_bytes = sink.bytes();
  } else {
    std::string native = codec == BodyCodec::kNone ? std::move(block.body) : std::string();
    native.reserve(columns_->bytes() + 64 * plan_->columns().size());
    StringSink sink(native);
    columns_->Write(sink);
    block.raw_bytes = native.size();
    if (codec == BodyCodec::kZstd) Compress(Codec::kZstd, native, block.body);
    if (codec == BodyCodec::kNone) block.body = std::move(native);
  }
  columns_->Clear();
  return block;
}

}  // namespace penstock::clickhouse
