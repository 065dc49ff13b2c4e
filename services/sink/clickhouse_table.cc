#include "sink/clickhouse_table.h"

#include <algorithm>
#include <utility>

#include <unistd.h>

#include "sink/row_json.h"
#include "telemetry/log.h"

namespace penstock::sink {

namespace {

constexpr std::size_t kMostSamples = 1000;

PauseReason ReasonOf(clickhouse::ErrorClass error_class) {
  switch (error_class) {
    case clickhouse::ErrorClass::kTransient:
    case clickhouse::ErrorClass::kUnknown:
      return PauseReason::kTransient;
    case clickhouse::ErrorClass::kPressure:
    case clickhouse::ErrorClass::kSplit:
      return PauseReason::kPressure;
    case clickhouse::ErrorClass::kCapacity:
      return PauseReason::kCapacity;
    case clickhouse::ErrorClass::kSchema:
      return PauseReason::kSchema;
    case clickhouse::ErrorClass::kData:
      return PauseReason::kData;
    case clickhouse::ErrorClass::kAccess:
      return PauseReason::kAccess;
  }
  return PauseReason::kTransient;
}

PauseReason ReasonOf(const Error& error) {
  for (std::size_t i = 0; i < clickhouse::kErrorClasses; ++i) {
    const auto error_class = static_cast<clickhouse::ErrorClass>(i);
    if (clickhouse::ToText(error_class) == error.code) return ReasonOf(error_class);
  }
  return error.remedy == Remedy::kRetry ? PauseReason::kTransient : PauseReason::kSchema;
}

}  // namespace

/// Buffers for converting one block, and for the next.
struct ClickHouseTable::Converter {
  std::shared_ptr<const clickhouse::BlockPlan> plan;  // That `builder` was made for.
  std::optional<clickhouse::BlockBuilder> builder;
  protocol::Rows rows;
  std::vector<std::int64_t> offsets;
  std::vector<std::size_t> left_out;
};

ClickHouseTable::ClickHouseTable(Options options, const Clock& clock,
                                 DescribedCallback on_described)
    : options_(std::move(options)),
      clock_(clock),
      on_described_(std::move(on_described)),
      codec_(clickhouse::CodecFor(options_.sink.connection)),
      process_id_(fmt::format("{}-{}", clock.WallMs(), getpid())) {}

ClickHouseTable::~ClickHouseTable() = default;

std::shared_ptr<const clickhouse::BlockPlan> ClickHouseTable::CurrentPlan() {
  std::lock_guard lock(mutex_);
  return plan_;
}

std::optional<TableTrouble> ClickHouseTable::Describe(bool refresh, std::stop_token stop) {
  if (!refresh && CurrentPlan() != nullptr) return std::nullopt;
  const auto client = clients_.Borrow(
      [&] { return std::make_unique<clickhouse::Client>(options_.sink.connection); });
  const auto trouble = [](const Error& error) {
    return TableTrouble{
        .reason = ReasonOf(error), .code = 0, .message = error.detail, .answered = true};
  };
  const auto table = client->Describe(options_.sink.table, std::move(stop));
  if (!table.ok()) return trouble(table.error());
  auto plan = MakePlan(table.value());
  if (!plan.ok()) return trouble(plan.error());
  on_described_(table.value());
  std::lock_guard lock(mutex_);
  plan_ = std::move(plan).value();
  return std::nullopt;
}

Result<std::shared_ptr<const clickhouse::BlockPlan>> ClickHouseTable::MakePlan(
    const clickhouse::TableDescription& table) {
  if (!options_.plan.columns.empty()) {
    return clickhouse::BlockPlan::Make(table, options_.plan.columns);
  }
  std::vector<std::string> unmatched;
  const auto columns = clickhouse::MatchByName(table, options_.plan.sink_fields, unmatched);
  for (const std::string& field : unmatched) {
    Log(LogLevel::kWarn, "A field has no column of its name and is left out.", {{"field", field}});
  }
  return clickhouse::BlockPlan::Make(table, columns);
}

Result<PreparedBlock> ClickHouseTable::Prepare(const Block& block) {
  const auto converter = converters_.Borrow([] { return std::make_unique<Converter>(); });
  const auto plan = CurrentPlan();
  if (plan != converter->plan) {
    converter->plan = plan;
    converter->builder.emplace(plan);
  }
  converter->builder->Clear();
  PreparedBlock prepared;
  prepared.sample_weight = block.rows / kMostSamples + 1;
  for (const Slice& slice : block.slices) {
    PENSTOCK_RETURN_IF_ERROR(AppendSlice(block, slice, *converter, prepared));
  }
  clickhouse::EncodedBlock encoded = converter->builder->Finish(codec_);
  prepared.body = std::move(encoded.body);
  prepared.rows = encoded.rows;
  prepared.raw_bytes = encoded.raw_bytes;
  return prepared;
}

Status ClickHouseTable::AppendSlice(const Block& block, const Slice& slice, Converter& converter,
                                    PreparedBlock& prepared) const {
  const HeldMessage& message = *slice.message;
  const auto has_rows = [](const SectionPiece& piece) { return piece.rows > 0; };
  if (std::ranges::none_of(slice.pieces, has_rows)) return Done{};
  PENSTOCK_RETURN_IF_ERROR(protocol::ReadRows(message.envelope, message.data, converter.rows));
  for (const SectionPiece& piece : slice.pieces) {
    if (!has_rows(piece)) continue;
    PENSTOCK_RETURN_IF_ERROR(AppendPiece(block, message, piece, converter, prepared));
  }
  return Done{};
}

// The rows that the intent has given up stay out, and their letters go (again): the process that
// recorded them may have died before it sent them.
Status ClickHouseTable::AppendPiece(const Block& block, const HeldMessage& message,
                                    const SectionPiece& piece, Converter& converter,
                                    PreparedBlock& prepared) const {
  const Section& section = message.envelope.sections[piece.section];
  const std::size_t before = section.RowsBefore(Next(piece.lo));
  const auto row_of = [&](Offset offset) {
    return piece.first_row + section.RowsBefore(offset) - before;
  };
  converter.left_out.clear();
  for (const GivenUp& row : block.intent.given_up) {
    if (row.origin != section.origin || row.offset <= piece.lo || row.offset > piece.hi) continue;
    const std::size_t index = row_of(row.offset);
    converter.left_out.push_back(index);
    prepared.bad_rows.push_back(
        LetterFor(section, index, section.RowsBefore(row.offset), converter.rows));
    prepared.bad_rows.back().error = "the row was given up before a restart of the sink";
  }
  converter.offsets.clear();
  for (std::size_t i = 0; i < piece.rows; ++i) {
    converter.offsets.push_back(section.OffsetOfRow(before + i).rep());
  }
  const std::span<const std::int64_t> timestamps =
      std::span(converter.rows.timestamps_ms).subspan(piece.first_row, piece.rows);
  const clickhouse::OriginRun origin{
      .rows = piece.rows, .topic = section.origin.topic, .partition = section.origin.partition};
  const clickhouse::RowSlice slice{.columns = converter.rows.columns,
                                   .begin = piece.first_row,
                                   .end = piece.first_row + piece.rows,
                                   .left_out = converter.left_out,
                                   .meta = {.origins = std::span(&origin, 1),
                                            .offsets = converter.offsets,
                                            .timestamps_ms = timestamps,
                                            .ingest_time_ms = message.envelope.created_ms}};
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<clickhouse::BadRow> bad,
                            converter.builder->Append(slice));
  for (const clickhouse::BadRow& row : bad) {
    DeadLetter letter =
        LetterFor(section, row.row, before + row.row - piece.first_row, converter.rows);
    letter.error = row.message;
    letter.column = row.column;
    prepared.bad_rows.push_back(std::move(letter));
  }
  for (std::size_t i = 0; i < timestamps.size(); i += prepared.sample_weight) {
    prepared.sampled_timestamps_ms.push_back(timestamps[i]);
  }
  return Done{};
}

DeadLetter ClickHouseTable::LetterFor(const Section& section, std::size_t row,
                                      std::size_t row_in_section,
                                      const protocol::Rows& rows) const {
  return {.component = "sink",
          .reason = DeadLetterReason::kMappingError,
          .error = {},
          .original_message = RowAsJson(rows, row),
          .column = {},
          .code = 0,
          .code_name = {},
          .origin = section.origin,
          .offset = section.OffsetOfRow(row_in_section),
          .timestamp_ms = rows.timestamps_ms[row],
          .key = {},
          .time_ms = clock_.WallMs()};
}

std::optional<TableTrouble> ClickHouseTable::Insert(PreparedBlock& prepared, const Block& block,
                                                    std::stop_token stop) {
  const auto client = clients_.Borrow(
      [&] { return std::make_unique<clickhouse::Client>(options_.sink.connection); });
  const std::vector<std::string> columns = CurrentPlan()->ColumnNames();
  // Lent for the call: a block has megabytes.
  clickhouse::EncodedBlock encoded{.body = std::move(prepared.body),
                                   .rows = prepared.rows,
                                   .raw_bytes = prepared.raw_bytes,
                                   .codec = codec_};
  const std::string query_id = fmt::format("penstock-{}-{}", process_id_, ++attempts_);
  const std::string comment = fmt::format("penstock pipeline={} block={} rows={}",
                                          options_.pipeline_id, block.intent.token, prepared.rows);
  const clickhouse::InsertOutcome outcome = client->Insert({.table = options_.sink.table,
                                                            .columns = columns,
                                                            .block = &encoded,
                                                            .token = block.intent.token,
                                                            .query_id = query_id,
                                                            .log_comment = comment,
                                                            .settings = &options_.sink.settings},
                                                           std::move(stop));
  prepared.body = std::move(encoded.body);
  if (outcome.ok) return std::nullopt;
  return TableTrouble{.reason = ReasonOf(outcome.error_class),
                      .code = outcome.code,
                      .message = fmt::format("{}: {} {}", outcome.host, outcome.message,
                                             clickhouse::Advice(outcome.code, outcome.error_class)),
                      .answered = outcome.answered};
}

}  // namespace penstock::sink
