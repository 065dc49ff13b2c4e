#include "sink/clickhouse_table.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <unistd.h>

#include "base/wait.h"
#include "model/row_json.h"
#include "telemetry/log.h"

namespace penstock::sink {

namespace {

constexpr std::size_t kMostSamples = 1000;
constexpr int kLooksForMissing = 4;
constexpr std::chrono::milliseconds kBetweenLooks{500};

using clickhouse::ErrorClass;

ErrorClass ClassOf(const Error& error) {
  for (std::size_t i = 0; i < clickhouse::kErrorClasses; ++i) {
    const auto error_class = static_cast<ErrorClass>(i);
    if (clickhouse::ToText(error_class) == error.code) return error_class;
  }
  return error.remedy == Remedy::kRetry ? ErrorClass::kTransient : ErrorClass::kSchema;
}

TableTrouble TroubleFrom(const Error& error) {
  return {.error_class = ClassOf(error), .message = error.detail};
}

bool SameTable(const clickhouse::TableDescription& a, const clickhouse::TableDescription& b) {
  const auto place = [](const clickhouse::TableColumn& column) {
    return std::tie(column.name, column.type, column.default_kind);
  };
  return a.engine == b.engine && a.partition_key == b.partition_key &&
         a.token_window == b.token_window &&
         std::ranges::equal(a.columns, b.columns, {}, place, place);
}

// The offsets of the section's rows [begin, end), in one pass over its runs.
void ListOffsets(const Section& section, std::size_t begin, std::size_t end,
                 std::vector<std::int64_t>& offsets) {
  offsets.clear();
  std::size_t row = 0;
  for (const RecordRun& run : section.runs) {
    if (run.outcome != Outcome::kRow) continue;
    const std::size_t from = std::clamp(begin, row, row + run.count);
    const std::size_t to = std::clamp(end, row, row + run.count);
    for (std::size_t i = from; i < to; ++i) {
      offsets.push_back(run.first.rep() + static_cast<std::int64_t>(i - row));
    }
    row += run.count;
    if (row >= end) return;
  }
}

}  // namespace

/// Buffers for converting one piece, and for the next.
struct ClickHouseTable::Converter {
  std::shared_ptr<const clickhouse::BlockPlan> plan;  // That `builder` was made for.
  std::optional<clickhouse::BlockBuilder> builder;
  protocol::Rows rows;
  std::vector<std::int64_t> offsets;
  std::vector<std::size_t> left_out;
  // Row numbers of the rows in the builder, in its order, if they are asked for.
  std::vector<std::size_t>* numbers = nullptr;
};

struct ClickHouseTable::Source {
  const Block& block;
  const HeldMessage& message;
  const SectionPiece& piece;

  const Section& section() const { return message.envelope.sections[piece.section]; }
  /// kRow records of the section before the piece's first.
  std::size_t before() const { return section().RowsBefore(Next(piece.lo)); }
  /// The message's row index of the row at an offset of the piece.
  std::size_t RowOf(Offset offset) const {
    return piece.first_row + section().RowsBefore(offset) - before();
  }
  bool Covers(const GivenUp& row) const {
    return row.offset > piece.lo && row.offset <= piece.hi && row.origin == section().origin;
  }
};

ClickHouseTable::ClickHouseTable(Options options, const Clock& clock,
                                 DescribedCallback on_described)
    : options_(std::move(options)),
      clock_(clock),
      on_described_(std::move(on_described)),
      codec_(clickhouse::CodecFor(options_.sink.connection)),
      process_id_(fmt::format("{}-{}", clock.WallMs(), getpid())),
      hosts_(options_.sink.connection.hosts) {}

ClickHouseTable::~ClickHouseTable() = default;

std::shared_ptr<const ClickHouseTable::Known> ClickHouseTable::Current() {
  std::lock_guard lock(mutex_);
  return known_;
}

std::uint64_t ClickHouseTable::version() {
  const auto known = Current();
  return known == nullptr ? 0 : known->version;
}

clickhouse::TokenWindow ClickHouseTable::Window() {
  const auto known = Current();
  return known == nullptr ? clickhouse::TokenWindow{} : known->table.token_window;
}

std::string ClickHouseTable::PartitionKey() {
  const auto known = Current();
  return known == nullptr ? std::string() : known->table.partition_key;
}

auto ClickHouseTable::BorrowClient() {
  return clients_.Borrow(
      [&] { return std::make_unique<clickhouse::Client>(options_.sink.connection, hosts_); });
}

auto ClickHouseTable::BorrowConverter(const Known& known) {
  auto converter = converters_.Borrow([] { return std::make_unique<Converter>(); });
  if (known.plan != converter->plan) {
    converter->plan = known.plan;
    converter->builder.emplace(known.plan);
  }
  converter->builder->Clear();
  converter->numbers = nullptr;
  return converter;
}

// --- The table -----------------------------------------------------------------------------

std::optional<TableTrouble> ClickHouseTable::Describe(bool refresh, std::stop_token stop) {
  const auto before = Current();
  if (!refresh && before != nullptr) return std::nullopt;
  auto table = BorrowClient()->Describe(options_.sink.table, std::move(stop));
  if (!table.ok()) return TroubleFrom(table.error());
  if (before != nullptr && SameTable(before->table, table.value())) return std::nullopt;
  auto plan = MakePlan(table.value());
  if (!plan.ok()) return TroubleFrom(plan.error());
  on_described_(table.value());
  auto columns = std::make_shared<const std::vector<std::string>>(plan.value()->ColumnNames());
  std::lock_guard lock(mutex_);
  const std::uint64_t version = known_ == nullptr ? 1 : known_->version + 1;
  known_ = std::make_shared<const Known>(Known{.version = version,
                                               .table = std::move(table).value(),
                                               .plan = std::move(plan).value(),
                                               .columns = std::move(columns)});
  return std::nullopt;
}

Result<ClickHouseTable::Pace> ClickHouseTable::MeasurePace(std::chrono::seconds over,
                                                           std::stop_token stop) {
  if (const auto trouble = Describe(true, stop)) {
    return Error{Remedy::kRetry, "transient", trouble->message};
  }
  PENSTOCK_ASSIGN_OR_RETURN(const double parts, BorrowClient()->NewPartsPerSecond(
                                                    options_.sink.table, over, std::move(stop)));
  return Pace{parts, clickhouse::MemoryAt(Current()->table, parts)};
}

Result<std::shared_ptr<const clickhouse::BlockPlan>> ClickHouseTable::MakePlan(
    const clickhouse::TableDescription& table) {
  if (!options_.plan.columns.empty()) {
    return clickhouse::BlockPlan::Make(table, options_.plan.columns);
  }
  std::vector<std::string> unmatched;
  const auto columns = clickhouse::MatchByName(table, options_.plan.sink_fields, unmatched,
                                               options_.sink.null_as_default);
  for (const std::string& field : unmatched) {
    Log(LogLevel::kWarn, "A field has no column of its name and is left out.", {{"field", field}});
  }
  return clickhouse::BlockPlan::Make(table, columns);
}

// --- Rows into columns ---------------------------------------------------------------------

Result<PreparedBlock> ClickHouseTable::Prepare(const Block& block, const Piece& piece) {
  const auto known = Current();
  const auto converter = BorrowConverter(*known);
  PreparedBlock prepared;
  prepared.columns = known->columns;
  prepared.table_version = known->version;
  prepared.sample_weight = block.rows / kMostSamples + 1;
  PENSTOCK_RETURN_IF_ERROR(Convert(block, piece, *converter, prepared));
  clickhouse::EncodedBlock encoded = converter->builder->Finish(codec_);
  prepared.body = std::move(encoded.body);
  prepared.rows = encoded.rows;
  prepared.raw_bytes = encoded.raw_bytes;
  return prepared;
}

Status ClickHouseTable::Convert(const Block& block, const Piece& piece, Converter& converter,
                                PreparedBlock& prepared) const {
  const auto has_rows = [&](const SectionPiece& part) {
    return part.rows > 0 && part.first_number < piece.end &&
           part.first_number + part.rows > piece.begin;
  };
  for (const Slice& slice : block.slices) {
    const HeldMessage& message = *slice.message;
    if (std::ranges::none_of(slice.pieces, has_rows)) continue;
    PENSTOCK_RETURN_IF_ERROR(protocol::ReadRows(message.envelope, message.data, converter.rows));
    for (const SectionPiece& part : slice.pieces) {
      if (!has_rows(part)) continue;
      PENSTOCK_RETURN_IF_ERROR(AppendRows({block, message, part}, piece, converter, prepared));
    }
  }
  return Done{};
}

// Rows of the message's [begin, end) that stay out: those of other pieces, and those that the
// intent has given up.
void ClickHouseTable::LeaveOut(const Source& source, const Piece& piece, std::size_t begin,
                               std::size_t end, std::vector<std::size_t>& rows) {
  rows.clear();
  for (const GivenUp& given_up : source.block.intent.given_up) {
    if (!source.Covers(given_up)) continue;
    const std::size_t row = source.RowOf(given_up.offset);
    if (row >= begin && row < end) rows.push_back(row);
  }
  if (!piece.TakesAllBetween()) {
    const SectionPiece& part = source.piece;
    for (std::size_t row = begin; row < end; ++row) {
      const std::size_t number = part.first_number + row - part.first_row;
      if (!piece.TakesHash(source.block.partition_hashes[number])) rows.push_back(row);
    }
  }
  std::ranges::sort(rows);
  rows.erase(std::ranges::unique(rows).begin(), rows.end());
}

Status ClickHouseTable::AppendRows(const Source& source, const Piece& piece, Converter& converter,
                                   PreparedBlock& prepared) const {
  const SectionPiece& part = source.piece;
  const Section& section = source.section();
  const std::size_t before = source.before();
  const std::size_t first = std::max(piece.begin, part.first_number) - part.first_number;
  const std::size_t last = std::min(piece.end, part.first_number + part.rows) - part.first_number;
  const std::size_t begin = part.first_row + first;
  const std::size_t end = part.first_row + last;
  LeaveOut(source, piece, begin, end, converter.left_out);
  ListOffsets(section, before + first, before + last, converter.offsets);
  const std::span<const std::int64_t> timestamps =
      std::span(converter.rows.timestamps_ms).subspan(begin, end - begin);
  const clickhouse::OriginRun origin{
      .rows = end - begin, .topic = section.origin.topic, .partition = section.origin.partition};
  const clickhouse::RowSlice slice{.columns = converter.rows.columns,
                                   .begin = begin,
                                   .end = end,
                                   .left_out = converter.left_out,
                                   .meta = {.origins = std::span(&origin, 1),
                                            .offsets = converter.offsets,
                                            .timestamps_ms = timestamps,
                                            .ingest_time_ms = source.message.envelope.created_ms}};
  const bool is_first = converter.builder->rows() == 0;
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<clickhouse::BadRow> bad,
                            converter.builder->Append(slice));
  for (const clickhouse::BadRow& row : bad) {
    converter.left_out.push_back(row.row);
    DeadLetter letter =
        LetterFor(section, row.row, before + row.row - part.first_row, converter.rows);
    letter.error = row.message;
    letter.column = row.column;
    prepared.bad_rows.push_back(std::move(letter));
  }
  for (std::size_t i = 0; i < timestamps.size(); i += prepared.sample_weight) {
    prepared.sampled_timestamps_ms.push_back(timestamps[i]);
  }
  if (is_first || converter.numbers != nullptr) NoteRows(source, begin, end, converter, prepared);
  return Done{};
}

// Which rows have gone into the builder: the first of all, and every number if it is asked for.
void ClickHouseTable::NoteRows(const Source& source, std::size_t begin, std::size_t end,
                               Converter& converter, PreparedBlock& prepared) const {
  std::ranges::sort(converter.left_out);
  bool found = false;
  for (std::size_t row = begin; row < end; ++row) {
    if (std::ranges::binary_search(converter.left_out, row)) continue;
    const std::size_t index = row - source.piece.first_row;
    if (!std::exchange(found, true) && prepared.first_origin.source_id.empty()) {
      prepared.first_origin = source.section().origin;
      prepared.first_offset = source.section().OffsetOfRow(source.before() + index);
    }
    if (converter.numbers == nullptr) return;
    converter.numbers->push_back(source.piece.first_number + index);
  }
}

DeadLetter ClickHouseTable::LetterFor(const Section& section, std::size_t row,
                                      std::size_t row_in_section,
                                      const protocol::Rows& rows) const {
  return {.component = "sink",
          .reason = DeadLetterReason::kMappingError,
          .error = {},
          .original_message = RowAsJson(rows.columns, row),
          .column = {},
          .code = 0,
          .code_name = {},
          .origin = section.origin,
          .offset = section.OffsetOfRow(row_in_section),
          .timestamp_ms = rows.timestamps_ms[row],
          .key = {},
          .time_ms = clock_.WallMs()};
}

Result<std::vector<DeadLetter>> ClickHouseTable::Letters(const Block& block,
                                                         std::span<const GivenUp> rows) {
  std::vector<DeadLetter> letters;
  protocol::Rows columns;
  for (const Slice& slice : block.slices) {
    bool read = false;
    for (const SectionPiece& piece : slice.pieces) {
      const Source source{block, *slice.message, piece};
      for (const GivenUp& row : rows) {
        if (!source.Covers(row)) continue;
        if (!std::exchange(read, true)) {
          PENSTOCK_RETURN_IF_ERROR(
              protocol::ReadRows(slice.message->envelope, slice.message->data, columns));
        }
        letters.push_back(LetterFor(source.section(), source.RowOf(row.offset),
                                    source.section().RowsBefore(row.offset), columns));
        letters.back().code = row.code;
      }
    }
  }
  return letters;
}

// --- Inserts -------------------------------------------------------------------------------

std::optional<TableTrouble> ClickHouseTable::Insert(PreparedBlock& prepared, std::string_view token,
                                                    std::stop_token stop) {
  const auto client = BorrowClient();
  // Lent for the call: a block has megabytes.
  clickhouse::EncodedBlock encoded{.body = std::move(prepared.body),
                                   .rows = prepared.rows,
                                   .raw_bytes = prepared.raw_bytes,
                                   .codec = codec_};
  const std::string query_id = fmt::format("penstock-{}-{}", process_id_, ++attempts_);
  const std::string comment = fmt::format("penstock pipeline={} block={} rows={}",
                                          options_.pipeline_id, token, prepared.rows);
  const clickhouse::InsertOutcome outcome = client->Insert({.table = options_.sink.table,
                                                            .columns = *prepared.columns,
                                                            .block = &encoded,
                                                            .token = token,
                                                            .query_id = query_id,
                                                            .log_comment = comment,
                                                            .settings = &options_.sink.settings},
                                                           std::move(stop));
  prepared.body = std::move(encoded.body);
  if (outcome.ok) return std::nullopt;
  return TroubleOf(outcome, prepared);
}

TableTrouble ClickHouseTable::TroubleOf(const clickhouse::InsertOutcome& outcome,
                                        const PreparedBlock& prepared) const {
  const ErrorClass error_class = ClassOf(outcome.code, outcome.error_class);
  // Of rows, this becomes the sentence of their dead letters: there is nothing to advise.
  const std::string_view advice = error_class == ErrorClass::kData
                                      ? std::string_view()
                                      : clickhouse::Advice(outcome.code, error_class);
  return {.error_class = error_class,
          .code = outcome.code,
          .code_name = outcome.code_name,
          .column = clickhouse::NamedColumn(outcome.message, *prepared.columns),
          .message = fmt::format("{}{}{}", outcome.message, advice.empty() ? "" : " ", advice),
          .answered = outcome.answered || !outcome.sent,
          .limit = clickhouse::PartitionLimit(outcome.message)};
}

// `sink.errors` knows the pipeline's own table better than any list.
ErrorClass ClickHouseTable::ClassOf(int code, ErrorClass error_class) const {
  const auto own = options_.sink.errors.find(code);
  if (own == options_.sink.errors.end()) return error_class;
  if (own->second == "retry") return ErrorClass::kTransient;
  return own->second == "dead_letter" ? ErrorClass::kData : ErrorClass::kAccess;
}

Result<clickhouse::EncodedBlock> ClickHouseTable::EncodePlain(const Known& known,
                                                              const Block& block,
                                                              const Piece& piece,
                                                              std::vector<std::size_t>* numbers) {
  const auto converter = BorrowConverter(known);
  converter->numbers = numbers;
  PreparedBlock prepared;
  PENSTOCK_RETURN_IF_ERROR(Convert(block, piece, *converter, prepared));
  return converter->builder->Finish(clickhouse::BodyCodec::kNone);
}

std::vector<std::pair<std::string, std::string>> ClickHouseTable::StructureOf(const Known& known) {
  std::vector<std::pair<std::string, std::string>> structure;
  for (const clickhouse::PlannedColumn& column : known.plan->columns()) {
    structure.emplace_back(column.column, column.type);
  }
  return structure;
}

// Replicated tables note the token and the part in one step. Tables that merge rows away, as
// ReplacingMergeTree, do not tell by their rows whether an insert is in them.
std::optional<TableTrouble> ClickHouseTable::CountMissing(const Block& block, const Piece& piece,
                                                          std::chrono::seconds ago,
                                                          std::size_t& missing,
                                                          std::stop_token stop) {
  missing = 0;
  const auto known = Current();
  if (known->table.engine != "MergeTree" || known->table.token_window.blocks == 0) {
    return std::nullopt;
  }
  const auto client = BorrowClient();
  const auto started_before = client->RunsForLongerThan(ago, stop);
  if (!started_before.ok()) return TroubleFrom(started_before.error());
  if (started_before.value()) return std::nullopt;
  const auto encoded = EncodePlain(*known, block, piece, nullptr);
  if (!encoded.ok()) return TroubleFrom(encoded.error());
  std::vector<std::string> stored;
  for (const clickhouse::PlannedColumn& column : known->plan->columns()) {
    const clickhouse::TableColumn* const in_table = known->table.Find(column.column);
    const bool kept =
        in_table == nullptr || in_table->default_kind != clickhouse::DefaultKind::kEphemeral;
    if (kept) stored.push_back(column.column);
  }
  // A merge that ends while the parts are looked up can hide rows: what is missing stays missing.
  for (int look = 0; look < kLooksForMissing; ++look) {
    if (look > 0) WaitUntil(clock_.Now() + kBetweenLooks, stop);
    const auto counted = client->CountMissing(options_.sink.table, ago, StructureOf(*known), stored,
                                              encoded.value(), stop);
    if (!counted.ok()) return TroubleFrom(counted.error());
    missing = counted.value();
    if (missing == 0) break;
  }
  return std::nullopt;
}

std::optional<TableTrouble> ClickHouseTable::HashPartitions(const Block& block,
                                                            std::string_view partition_key,
                                                            std::vector<std::uint64_t>& hashes,
                                                            std::stop_token stop) {
  const auto known = Current();
  std::vector<std::size_t> numbers;
  const Piece whole{.path = {}, .begin = 0, .end = block.rows};
  const auto encoded = EncodePlain(*known, block, whole, &numbers);
  if (!encoded.ok()) return TroubleFrom(encoded.error());
  auto hashed = BorrowClient()->HashRows(partition_key, StructureOf(*known), encoded.value(),
                                         std::move(stop));
  if (!hashed.ok()) return TroubleFrom(hashed.error());
  hashes.assign(block.rows, 0);
  for (std::size_t i = 0; i < numbers.size(); ++i) hashes[numbers[i]] = hashed.value()[i];
  return std::nullopt;
}

}  // namespace penstock::sink
