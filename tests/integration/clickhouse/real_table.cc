#include "real_table.h"

#include <atomic>
#include <cstdlib>

#include <unistd.h>

#include "base/clock.h"
#include "model/clickhouse_type.h"

namespace penstock::clickhouse {

namespace {

std::string Variable(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value == nullptr ? fallback : value;
}

std::string UniqueName(std::string_view prefix) {
  static std::atomic<int> next{0};
  return fmt::format("{}_{}_{}_{}", prefix, getpid(), SystemClock().WallMs(), next++);
}

}  // namespace

bool RealTable::HasServer() {
  return std::getenv("PENSTOCK_CLICKHOUSE_HOST") != nullptr;
}

ClickHouseConnection RealTable::Connection() {
  ClickHouseConnection connection;
  connection.hosts = {fmt::format("{}:{}", Variable("PENSTOCK_CLICKHOUSE_HOST", "127.0.0.1"),
                                  Variable("PENSTOCK_CLICKHOUSE_PORT", "8123"))};
  connection.username = Variable("PENSTOCK_CLICKHOUSE_USER", "default");
  connection.password = Variable("PENSTOCK_CLICKHOUSE_PASSWORD", "");
  connection.database = kDatabase;
  return connection;
}

RealTable::RealTable(std::string_view definition) : client_(Connection()), name_(UniqueName("t")) {
  Ask(fmt::format("CREATE DATABASE IF NOT EXISTS {}", kDatabase));
  Ask(fmt::format("CREATE TABLE {}.{} {}", kDatabase, name_, definition));
}

RealTable::~RealTable() {
  Ask("DROP TABLE IF EXISTS {}");
}

TableDescription RealTable::Describe() {
  auto description = client_.Describe(name_, {});
  EXPECT_TRUE(description.ok()) << (description.ok() ? "" : description.error().detail);
  return description.ok() ? std::move(description).value() : TableDescription();
}

std::string RealTable::Ask(std::string_view query) {
  std::string sql(query);
  if (const std::size_t at = sql.find("{}"); at != std::string::npos) {
    sql.replace(at, 2, fmt::format("{}.{}", kDatabase, name_));
  }
  auto answer = client_.Query(sql, {});
  EXPECT_TRUE(answer.ok()) << sql << ": " << (answer.ok() ? "" : answer.error().detail);
  if (!answer.ok()) return {};
  std::string text = std::move(answer).value();
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

EncodedBlock BlockFor(const TableDescription& table, const std::vector<SourceColumn>& columns,
                      BodyCodec codec) {
  std::vector<ColumnPlan> plans;
  std::vector<ColumnView> views;
  for (const SourceColumn& source : columns) {
    plans.push_back({source.column.name(), source.field_type, source.column.name(), ""});
    views.push_back(source.column.View());
  }
  auto plan = BlockPlan::Make(table, plans);
  EXPECT_TRUE(plan.ok()) << (plan.ok() ? "" : plan.error().detail);
  if (!plan.ok()) return {};
  BlockBuilder builder(std::move(plan).value());
  auto bad = builder.Append({.columns = views, .begin = 0, .end = views.at(0).rows});
  EXPECT_TRUE(bad.ok()) << (bad.ok() ? "" : bad.error().detail);
  if (bad.ok()) {
    EXPECT_TRUE(bad.value().empty()) << (bad.value().empty() ? "" : bad.value()[0].message);
  }
  return builder.Finish(codec);
}

InsertOutcome InsertBlock(RealTable& table, const std::vector<SourceColumn>& columns,
                          const EncodedBlock& block, std::string_view token,
                          const std::map<std::string, std::string>& settings) {
  std::vector<std::string> names;
  for (const SourceColumn& source : columns) names.push_back(source.column.name());
  const std::string query_id = UniqueName("query");
  return table.client().Insert({.table = table.name(),
                                .columns = names,
                                .block = &block,
                                .token = token,
                                .query_id = query_id,
                                .log_comment = "test",
                                .settings = &settings},
                               {});
}

}  // namespace penstock::clickhouse
