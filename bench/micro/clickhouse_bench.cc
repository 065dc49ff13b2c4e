// Rows of messages → a Native block → its compressed body, for the budgets of docs/architecture.md;
// clickhouse_types_bench.cc has the types one by one. With PENSTOCK_CLICKHOUSE_HOST set (and _PORT,
// _USER, _PASSWORD), BM_InsertLogs measures this process's CPU for whole inserts into a Null table,
// with each codec.
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/check.h"
#include "base/format.h"
#include "clickhouse/client.h"
#include "generate/events.h"
#include "json/record_parser.h"
#include "micro/planned_fields.h"

namespace penstock::clickhouse {
namespace {

using events::Workload;

constexpr std::size_t kRowsAMessage = 4000;  // About 512 KiB compressed.
constexpr std::size_t kRowsABlock = 100'000;

// Messages of a workload as the sink has them after decoding, and the table for them.
struct Messages {
  Messages(Workload workload, std::size_t count) {
    SourcePlan source;
    table = {.database = "default", .table = "penstock_bench", .engine = "Null"};
    for (const events::EventField& field : events::Fields(workload)) {
      source.fields.push_back(bench::PlannedFieldOf(field));
      plan.push_back({std::string(field.name), source.fields.back().type, std::string(field.column),
                      std::string(field.column_type)});
      table.columns.push_back(
          {std::string(field.column), std::string(field.column_type), DefaultKind::kNone});
    }
    auto made = json::RecordParser::Make(source);
    PENSTOCK_CHECK(made.ok(), "the workload has a plan");
    json::RecordParser parser = std::move(made).value();
    std::string record;
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<Column>& message = columns.emplace_back();
      for (const PlannedField& field : source.fields)
        message.emplace_back(field.name, field.physical);
      for (std::size_t row = 0; row < kRowsAMessage; ++row) {
        record.clear();
        events::AppendEvent(workload, 1, i * kRowsAMessage + row, record);
        const auto cells = parser.Parse(record);
        PENSTOCK_CHECK(cells.ok(), "the events are good");
        for (std::size_t c = 0; c < message.size(); ++c) message[c].Append(cells.value()[c]);
      }
    }
    for (const std::vector<Column>& message : columns) {
      std::vector<ColumnView>& of_message = views.emplace_back();
      for (const Column& column : message) of_message.push_back(column.View());
    }
  }

  TableDescription table;
  std::vector<ColumnPlan> plan;
  std::vector<std::vector<Column>> columns;
  std::vector<std::vector<ColumnView>> views;
};

std::shared_ptr<const BlockPlan> PlanOf(const Messages& messages) {
  auto plan = BlockPlan::Make(messages.table, messages.plan);
  PENSTOCK_CHECK(plan.ok(), "the workload fits its table");
  return std::move(plan).value();
}

void AppendAll(BlockBuilder& builder, const Messages& messages, std::size_t rows) {
  for (std::size_t i = 0; builder.rows() < rows; i = (i + 1) % messages.views.size()) {
    const auto bad =
        builder.Append({.columns = messages.views[i], .begin = 0, .end = kRowsAMessage});
    PENSTOCK_CHECK(bad.ok() && bad.value().empty(), "the events are good");
  }
}

void BM_Convert(benchmark::State& state, Workload workload) {
  const Messages messages(workload, kRowsABlock / kRowsAMessage);
  BlockBuilder builder(PlanOf(messages));
  for (auto _ : state) {
    AppendAll(builder, messages, kRowsABlock);
    state.counters["raw_bytes_a_row"] =
        static_cast<double>(builder.raw_bytes()) / static_cast<double>(builder.rows());
    builder.Clear();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kRowsABlock));
}

void BM_Block(benchmark::State& state, Workload workload, BodyCodec codec) {
  const Messages messages(workload, kRowsABlock / kRowsAMessage);
  BlockBuilder builder(PlanOf(messages));
  EncodedBlock block;
  for (auto _ : state) {
    AppendAll(builder, messages, kRowsABlock);
    block = builder.Finish(codec, std::move(block.body));
    state.counters["body_bytes_a_row"] =
        static_cast<double>(block.body.size()) / static_cast<double>(block.rows);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kRowsABlock));
}

const char* Variable(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value == nullptr ? fallback : value;
}

double ServerCpuSeconds(Client& client) {
  const auto answer = client.Query(
      "SELECT toString(sum(value)) FROM system.events "
      "WHERE event IN ('UserTimeMicroseconds', 'SystemTimeMicroseconds')",
      {});
  PENSTOCK_CHECK(answer.ok(), "the server answers");
  return std::stod(answer.value()) / 1e6;
}

void MakeTable(Client& client, const TableDescription& table) {
  std::string columns;
  for (const TableColumn& column : table.columns) {
    columns += fmt::format("{}{} {}", columns.empty() ? "" : ", ", column.name, column.type);
  }
  PENSTOCK_CHECK(client.Query("DROP TABLE IF EXISTS " + table.table, {}).ok(), "a table can go");
  const auto made =
      client.Query(fmt::format("CREATE TABLE {} ({}) ENGINE = Null", table.table, columns), {});
  PENSTOCK_CHECK(made.ok(), "a table can be made");
}

// Times are this process's CPU; the counter is the server's, for a million rows.
void BM_InsertLogs(benchmark::State& state, BodyCodec codec) {
  if (std::getenv("PENSTOCK_CLICKHOUSE_HOST") == nullptr) {
    return state.SkipWithError("PENSTOCK_CLICKHOUSE_HOST is not set");
  }
  const Messages messages(Workload::kLogs, kRowsABlock / kRowsAMessage);
  const auto plan = PlanOf(messages);
  ClickHouseConnection connection;
  connection.hosts = {fmt::format("{}:{}", Variable("PENSTOCK_CLICKHOUSE_HOST", ""),
                                  Variable("PENSTOCK_CLICKHOUSE_PORT", "8123"))};
  connection.username = Variable("PENSTOCK_CLICKHOUSE_USER", "default");
  connection.password = Variable("PENSTOCK_CLICKHOUSE_PASSWORD", "");
  connection.database = messages.table.database;
  Client client(connection);
  MakeTable(client, messages.table);
  BlockBuilder builder(plan);
  AppendAll(builder, messages, kRowsABlock);
  const std::vector<std::string> columns = plan->ColumnNames();
  const EncodedBlock block = builder.Finish(codec);
  const double before = ServerCpuSeconds(client);
  for (auto _ : state) {
    const InsertOutcome outcome =
        client.Insert({.table = messages.table.table, .columns = columns, .block = &block}, {});
    PENSTOCK_CHECK(outcome.ok, outcome.message);
  }
  const double rows = static_cast<double>(state.iterations() * std::int64_t{kRowsABlock});
  state.counters["server_s_a_million"] = (ServerCpuSeconds(client) - before) / rows * 1e6;
  state.SetItemsProcessed(static_cast<std::int64_t>(rows));
}

BENCHMARK_CAPTURE(BM_Convert, logs, Workload::kLogs)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Convert, users, Workload::kUsers)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Convert, orders, Workload::kOrders)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Block, logs_none, Workload::kLogs, BodyCodec::kNone)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Block, logs_lz4, Workload::kLogs, BodyCodec::kLz4)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Block, logs_zstd, Workload::kLogs, BodyCodec::kZstd)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Block, users_lz4, Workload::kUsers, BodyCodec::kLz4)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_InsertLogs, none, BodyCodec::kNone)
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_InsertLogs, lz4, BodyCodec::kLz4)
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_InsertLogs, zstd, BodyCodec::kZstd)
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace penstock::clickhouse
