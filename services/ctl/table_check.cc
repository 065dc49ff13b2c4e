#include <chrono>
#include <map>
#include <utility>

#include "base/format.h"
#include "base/text.h"
#include "clickhouse/block_builder.h"
#include "clickhouse/block_plan.h"
#include "clickhouse/client.h"
#include "ctl/preflight.h"
#include "ctl/record_trial.h"
#include "model/clickhouse_type.h"

namespace penstock::ctl {

namespace {

using clickhouse::BlockPlan;

/// One record on its way into the block of the samples.
struct Sample {
  std::string place;
  std::vector<Column> columns;
  std::int64_t offset = 0;
  std::int64_t timestamp_ms = 0;
  std::int32_t partition = 0;
};

std::vector<std::string> LinesOf(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

class TableCheck {
 public:
  TableCheck(const PipelineSpec& spec, const PipelinePlan& plan, std::stop_token stop,
             Findings& findings)
      : spec_(spec),
        plan_(plan),
        stop_(std::move(stop)),
        findings_(findings),
        client_(spec.sink.connection) {}

  void Run(const std::vector<std::vector<SampleRecord>>& samples) {
    const auto version = client_.Query("SELECT version(), currentUser() FORMAT TSV", stop_);
    if (!version.ok()) return Fault(version.error());
    std::string text = version.value().substr(0, version.value().find('\n'));
    if (const auto tab = text.find('\t'); tab != std::string::npos) {
      text = fmt::format("ClickHouse {} answers to user {}", text.substr(0, tab),
                         text.substr(tab + 1));
    }
    findings_.Good("clickhouse", text);
    auto described = client_.Describe(spec_.sink.table, stop_);
    if (!described.ok()) return Fault(described.error());
    table_ = std::move(described).value();
    CheckGrant();
    CheckWindow();
    if (!MakePlan()) return;
    CheckUnmapped();
    for (std::size_t source = 0; source < samples.size(); ++source) {
      if (!samples[source].empty()) TrySamples(samples[source], source);
    }
  }

 private:
  void Fault(const Error& error) {
    for (std::string& line : LinesOf(error.detail)) findings_.Fault("clickhouse", std::move(line));
  }
  std::string TableName() const {
    return fmt::format("{}.{}", QuoteIdentifier(table_.database), QuoteIdentifier(table_.table));
  }

  // Servers before 24.10 have no such question; then the first insert tells.
  void CheckGrant() {
    const auto granted = client_.Query("CHECK GRANT INSERT ON " + TableName(), stop_);
    if (!granted.ok() || granted.value().starts_with('1')) return;
    findings_.Fault("clickhouse", fmt::format("user {} may not insert: GRANT INSERT ON {} TO {}",
                                              spec_.sink.connection.username, TableName(),
                                              QuoteIdentifier(spec_.sink.connection.username)));
  }

  void CheckWindow() {
    const clickhouse::DedupGuarantee guarantee = clickhouse::GuaranteeOf(table_);
    if (guarantee.exactly_once) return findings_.Good("clickhouse", guarantee.sentence);
    findings_.Warn("clickhouse", guarantee.alter.empty()
                                     ? guarantee.sentence
                                     : fmt::format("{}: {}", guarantee.sentence, guarantee.alter));
  }

  bool MakePlan() {
    std::vector<ColumnPlan> columns = plan_.columns;
    if (columns.empty()) {
      std::vector<std::string> unmatched;
      columns =
          clickhouse::MatchByName(table_, plan_.sink_fields, unmatched, spec_.sink.null_as_default);
      for (const std::string& field : unmatched) {
        findings_.Warn("clickhouse",
                       fmt::format("field `{}` has no column of its name and is left out", field));
      }
    }
    auto plan = BlockPlan::Make(table_, columns);
    if (!plan.ok()) return Fault(plan.error()), false;
    block_plan_ = std::move(plan).value();
    findings_.Good("clickhouse",
                   fmt::format("{} of the table's {} columns are filled, all types fit",
                               block_plan_->columns().size(), table_.columns.size()));
    return true;
  }

  void CheckUnmapped() {
    for (const clickhouse::TableColumn& column : table_.columns) {
      const auto& planned = block_plan_->columns();
      const bool filled = std::ranges::any_of(
          planned, [&](const clickhouse::PlannedColumn& one) { return one.column == column.name; });
      if (filled || column.default_kind != clickhouse::DefaultKind::kNone) continue;
      findings_.Warn("clickhouse",
                     fmt::format("column `{}` ({}) is not mapped and has no DEFAULT: every row "
                                 "gets its type's empty value",
                                 column.name, column.type));
    }
  }

  // Each record goes through the stages' code and the block builder alone, so that each says for
  // itself what is wrong; those that are right go to the server in one block, which shows their
  // values.
  void TrySamples(const std::vector<SampleRecord>& samples, std::size_t source) {
    auto made = RecordTrial::Make(spec_, plan_, source, SystemClock());
    if (!made.ok()) return findings_.Fault("samples", made.error().detail);
    RecordTrial trial = std::move(made).value();
    clickhouse::BlockBuilder builder(block_plan_);
    std::vector<std::string> places;
    for (const SampleRecord& sample : samples) TrySample(sample, source, trial, builder, places);
    if (builder.rows() > 0) ShowRows(builder.Finish(clickhouse::BodyCodec::kNone), places);
  }

  void TrySample(const SampleRecord& sample, std::size_t source, RecordTrial& trial,
                 clickhouse::BlockBuilder& builder, std::vector<std::string>& places) {
    const io::Record& record = sample.chunk->records().front();
    const std::string place =
        fmt::format("{}/{}/{}", spec_.sources[source].topic, sample.partition, record.offset.rep());
    const auto fate = trial.Take(*sample.chunk, 0);
    if (!fate.ok()) {
      return findings_.Fault("samples", fmt::format("{}: {}", place, fate.error().detail));
    }
    switch (fate.value().outcome) {
      case Outcome::kRow:
        if (plan_.join) {
          return findings_.Good("samples", fmt::format("{} would be taken in by the join", place));
        }
        return AddRow(sample, fate.value(), place, builder, places);
      case Outcome::kFiltered:
        return findings_.Good("samples", fmt::format("{} would be filtered", place));
      case Outcome::kDuplicate:
        return findings_.Good("samples",
                              fmt::format("{} would be a duplicate of another sample", place));
      case Outcome::kDeadLetter:
        return findings_.Warn(
            "samples", fmt::format("{} would be a dead letter: {}", place, fate.value().error));
    }
  }

  void AddRow(const SampleRecord& sample, const RecordTrial::Fate& fate, const std::string& place,
              clickhouse::BlockBuilder& builder, std::vector<std::string>& places) {
    const io::Record& record = sample.chunk->records().front();
    const std::vector<ColumnView> views = fate.Views();
    const clickhouse::OriginRun origin{
        .rows = 1, .topic = spec_.sources.front().topic, .partition = sample.partition};
    const std::int64_t offset = record.offset.rep();
    const auto added = builder.Append({.columns = views,
                                       .begin = 0,
                                       .end = 1,
                                       .left_out = {},
                                       .meta = {.origins = std::span(&origin, 1),
                                                .offsets = std::span(&offset, 1),
                                                .timestamps_ms = std::span(&record.timestamp_ms, 1),
                                                .ingest_time_ms = SystemClock().WallMs()}});
    if (!added.ok())
      return findings_.Fault("samples", fmt::format("{}: {}", place, added.error().detail));
    if (added.value().empty()) return places.push_back(place);
    findings_.Warn("samples", fmt::format("{} would be a dead letter: {}", place,
                                          added.value().front().message));
  }

  void ShowRows(const clickhouse::EncodedBlock& block, const std::vector<std::string>& places) {
    std::vector<std::pair<std::string, std::string>> structure;
    for (const clickhouse::PlannedColumn& column : block_plan_->columns()) {
      structure.emplace_back(column.column, column.type);
    }
    const auto rows = client_.SelectRows(
        "SELECT * FROM penstock_rows SETTINGS output_format_json_quote_64bit_integers = 0 FORMAT "
        "JSONEachRow",
        structure, block, stop_);
    if (!rows.ok()) return findings_.Fault("samples", rows.error().detail);
    const std::vector<std::string> lines = LinesOf(rows.value());
    for (std::size_t i = 0; i < lines.size() && i < places.size(); ++i) {
      findings_.Good("samples", fmt::format("{} → {}", places[i], lines[i]));
    }
  }

  const PipelineSpec& spec_;
  const PipelinePlan& plan_;
  const std::stop_token stop_;
  Findings& findings_;
  clickhouse::Client client_;
  clickhouse::TableDescription table_;
  std::shared_ptr<const BlockPlan> block_plan_;
};

}  // namespace

void CheckTable(const PipelineSpec& spec, const PipelinePlan& plan,
                const std::vector<std::vector<SampleRecord>>& samples, std::stop_token stop,
                Findings& findings) {
  TableCheck(spec, plan, std::move(stop), findings).Run(samples);
}

}  // namespace penstock::ctl
