// JSON records → cells → columns, for the two workloads of the budgets (docs/architecture.md), and
// what simdjson alone takes for the same records, so that our share shows.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <simdjson.h>

#include <benchmark/benchmark.h>

#include "base/check.h"
#include "generate/events.h"
#include "json/record_parser.h"
#include "micro/planned_fields.h"

namespace penstock::json {
namespace {

using events::Workload;

// Enough that branch predictors do not learn them by heart, little enough for the L2 cache, where
// a record that librdkafka has just decompressed is.
constexpr std::size_t kRecords = 500;
constexpr std::size_t kRowsABatch = 1000;

struct Records {
  explicit Records(Workload workload) {
    for (std::size_t i = 0; i < kRecords; ++i) {
      ends.push_back(text.size());
      events::AppendEvent(workload, 1, i, text);
    }
    ends.push_back(text.size());
    padded = simdjson::padded_string(text);
  }
  std::string_view At(std::size_t i) const {
    return std::string_view(text).substr(ends[i], ends[i + 1] - ends[i]);
  }
  std::string text;
  simdjson::padded_string padded;
  std::vector<std::size_t> ends;
};

// Every `step`-th field of the workload.
SourcePlan PlanOf(Workload workload, std::size_t step) {
  SourcePlan plan;
  const auto fields = events::Fields(workload);
  for (std::size_t i = 0; i < fields.size(); i += step) {
    plan.fields.push_back(bench::PlannedFieldOf(fields[i]));
  }
  return plan;
}

void Report(benchmark::State& state, const Records& records) {
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() *
                          static_cast<std::int64_t>(records.text.size() / kRecords));
}

void ParseTo(benchmark::State& state, Workload workload, std::size_t step, bool columns) {
  const Records records(workload);
  const SourcePlan plan = PlanOf(workload, step);
  auto made = RecordParser::Make(plan);
  PENSTOCK_CHECK(made.ok(), "the plan is good");
  RecordParser parser = std::move(made).value();
  std::vector<Column> batch;
  for (const PlannedField& field : plan.fields) batch.emplace_back(field.name, field.physical);
  std::size_t record = 0;
  for (auto _ : state) {
    const auto cells = parser.Parse(records.At(record));
    PENSTOCK_CHECK(cells.ok(), "the events are good");
    if (columns) {
      const auto row = cells.value();
      for (std::size_t i = 0; i < batch.size(); ++i) batch[i].Append(row[i]);
      if (batch.front().rows() == kRowsABatch) {
        for (Column& column : batch) column.Clear();
      }
    } else {
      benchmark::DoNotOptimize(cells.value().data());
    }
    record = record + 1 == kRecords ? 0 : record + 1;
  }
  Report(state, records);
}

void ToColumns(benchmark::State& state, Workload workload) {
  ParseTo(state, workload, 1, true);
}
void ToCells(benchmark::State& state, Workload workload) {
  ParseTo(state, workload, 1, false);
}
void ToColumnsOfEveryFifthField(benchmark::State& state, Workload workload) {
  ParseTo(state, workload, 5, true);
}

// simdjson's on-demand parser over padded records, touching each top-level value and no more.
void SimdjsonIterate(benchmark::State& state, Workload workload) {
  const Records records(workload);
  simdjson::ondemand::parser parser;
  std::size_t record = 0;
  for (auto _ : state) {
    const std::string_view text = records.At(record);
    const char* const begin = records.padded.data() + records.ends[record];
    const std::size_t room = records.padded.size() - records.ends[record];
    auto document =
        parser.iterate(begin, text.size(), room + simdjson::SIMDJSON_PADDING).value_unsafe();
    std::size_t members = 0;
    for (auto field : document.get_object()) {
      members += field.unescaped_key().error() == simdjson::SUCCESS ? 1U : 0U;
    }
    benchmark::DoNotOptimize(members);
    record = record + 1 == kRecords ? 0 : record + 1;
  }
  Report(state, records);
}

// simdjson's strict parser, which checks everything as ours does, into its own document.
void SimdjsonDocument(benchmark::State& state, Workload workload) {
  const Records records(workload);
  simdjson::dom::parser parser;
  std::size_t record = 0;
  for (auto _ : state) {
    const auto document = parser.parse(records.At(record));
    PENSTOCK_CHECK(document.error() == simdjson::SUCCESS, "the events are good");
    record = record + 1 == kRecords ? 0 : record + 1;
  }
  Report(state, records);
}

BENCHMARK_CAPTURE(ToColumns, logs, Workload::kLogs);
BENCHMARK_CAPTURE(ToCells, logs, Workload::kLogs);
BENCHMARK_CAPTURE(ToColumnsOfEveryFifthField, logs, Workload::kLogs);
BENCHMARK_CAPTURE(SimdjsonIterate, logs, Workload::kLogs);
BENCHMARK_CAPTURE(SimdjsonDocument, logs, Workload::kLogs);
BENCHMARK_CAPTURE(ToColumns, users, Workload::kUsers);
BENCHMARK_CAPTURE(ToCells, users, Workload::kUsers);
BENCHMARK_CAPTURE(SimdjsonIterate, users, Workload::kUsers);
BENCHMARK_CAPTURE(SimdjsonDocument, users, Workload::kUsers);
BENCHMARK_CAPTURE(ToColumns, orders, Workload::kOrders);

}  // namespace
}  // namespace penstock::json
