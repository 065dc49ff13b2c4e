#include <map>
#include <set>

#include "real_table.h"
#include "support/tcp_gate.h"

namespace penstock::clickhouse {
namespace {

constexpr std::string_view kWithWindow =
    "(a Int64) ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 1000";

std::vector<SourceColumn> Numbers(std::int64_t first, std::int64_t count,
                                  const std::string& name = "a") {
  Column column(name, PhysicalType::kInt64);
  for (std::int64_t i = 0; i < count; ++i) column.Append(Cell::Int64(first + i));
  std::vector<SourceColumn> columns;
  columns.push_back({std::move(column), FieldType::kInt64});
  return columns;
}

InsertOutcome InsertNumbers(RealTable& table, std::int64_t first, std::int64_t count,
                            std::string_view token,
                            const std::map<std::string, std::string>& settings = {}) {
  const auto columns = Numbers(first, count);
  return InsertBlock(table, columns, BlockFor(table.Describe(), columns), token, settings);
}

TEST(RealInsertTest, ATokenCountsOnce) {
  SKIP_WITHOUT_SERVER();
  RealTable table(kWithWindow);
  InsertOutcome outcome = InsertNumbers(table, 0, 1000, "p/0/x");
  ASSERT_TRUE(outcome.ok) << outcome.message;
  EXPECT_EQ(outcome.written_rows, 1000U);
  outcome = InsertNumbers(table, 0, 1000, "p/0/x");
  ASSERT_TRUE(outcome.ok) << outcome.message;
  EXPECT_EQ(table.Ask("SELECT count() FROM {}"), "1000");
  // Equal rows under another token are other rows.
  ASSERT_TRUE(InsertNumbers(table, 0, 1000, "p/0/y").ok);
  EXPECT_EQ(table.Ask("SELECT count() FROM {}"), "2000");
}

TEST(RealInsertTest, ViewsCountOnceToo) {
  SKIP_WITHOUT_SERVER();
  RealTable table(kWithWindow);
  RealTable target(kWithWindow);
  table.Ask(fmt::format("CREATE MATERIALIZED VIEW {0}.{1}_view TO {0}.{1} AS SELECT a FROM {0}.{2}",
                        RealTable::kDatabase, target.name(), table.name()));
  ASSERT_TRUE(InsertNumbers(table, 0, 10, "x").ok);
  ASSERT_TRUE(InsertNumbers(table, 0, 10, "x").ok);
  EXPECT_EQ(target.Ask("SELECT count() FROM {}"), "10");
  EXPECT_EQ(
      table.Describe().materialized_views,
      (std::vector<std::string>{fmt::format("{}.{}_view", RealTable::kDatabase, target.name())}));
  table.Ask(fmt::format("DROP TABLE {}.{}_view", RealTable::kDatabase, target.name()));
}

TEST(RealInsertTest, DescribesTheTable) {
  SKIP_WITHOUT_SERVER();
  RealTable plain(
      "(a Int64, `odd name` Array(String) DEFAULT ['x'], m Int64 MATERIALIZED a + 1, "
      "l Int64 ALIAS a, e String EPHEMERAL) ENGINE = MergeTree PARTITION BY a % 10 ORDER BY (a, "
      "m)");
  TableDescription description = plain.Describe();
  EXPECT_EQ(description.engine, "MergeTree");
  EXPECT_EQ(description.sorting_key, "a, m");
  EXPECT_EQ(description.partition_key, "a % 10");
  ASSERT_EQ(description.columns.size(), 5U);
  EXPECT_EQ(description.columns[1].name, "odd name");
  EXPECT_EQ(description.columns[1].type, "Array(String)");
  EXPECT_EQ(description.columns[1].default_kind, DefaultKind::kDefault);
  EXPECT_EQ(description.columns[2].default_kind, DefaultKind::kMaterialized);
  EXPECT_EQ(description.columns[3].default_kind, DefaultKind::kAlias);
  EXPECT_EQ(description.columns[4].default_kind, DefaultKind::kEphemeral);
  EXPECT_EQ(description.token_window.blocks, 0U);
  const DedupGuarantee guarantee = GuaranteeOf(description);
  EXPECT_FALSE(guarantee.exactly_once);
  // The statement that it names does what it says.
  ASSERT_TRUE(plain.client().Query(guarantee.alter, {}).ok());
  EXPECT_TRUE(GuaranteeOf(plain.Describe()).exactly_once);
  RealTable null("(a Int64) ENGINE = Null");
  EXPECT_FALSE(GuaranteeOf(null.Describe()).exactly_once);
}

TEST(RealInsertTest, WhatIsMissingIsSaidByName) {
  SKIP_WITHOUT_SERVER();
  ClickHouseConnection connection = RealTable::Connection();
  Client client(connection);
  auto table = client.Describe("no_such_table", {});
  ASSERT_FALSE(table.ok());
  EXPECT_EQ(table.error().code, "schema");
  EXPECT_NE(table.error().detail.find("no table `no_such_table`"), std::string::npos);
  connection.database = "no_such_database";
  Client elsewhere(connection);
  table = elsewhere.Describe("t", {});
  ASSERT_FALSE(table.ok());
  EXPECT_NE(table.error().detail.find("no database `no_such_database`"), std::string::npos);
}

TEST(RealInsertTest, RealFaultsHaveTheirClass) {
  SKIP_WITHOUT_SERVER();
  RealTable table("(a Int64, CONSTRAINT small CHECK a < 100) ENGINE = MergeTree ORDER BY a");
  const auto columns = Numbers(0, 10);
  const EncodedBlock block = BlockFor(table.Describe(), columns);
  const auto insert = [&](Client& client, std::string_view into, const std::string& column) {
    const std::vector<std::string> names = {column};
    return client.Insert({.table = into, .columns = names, .block = &block, .token = "x"}, {});
  };
  const auto expect = [](const InsertOutcome& outcome, ErrorClass error_class, int code) {
    EXPECT_FALSE(outcome.ok);
    EXPECT_EQ(outcome.code, code) << outcome.message;
    EXPECT_EQ(outcome.error_class, error_class) << outcome.message;
    EXPECT_TRUE(outcome.answered);
    EXPECT_EQ(outcome.code_name, CodeName(code, "")) << outcome.message;
  };
  expect(insert(table.client(), "nowhere", "a"), ErrorClass::kSchema, 60);
  expect(insert(table.client(), table.name(), "b"), ErrorClass::kSchema, 16);
  ClickHouseConnection connection = RealTable::Connection();
  connection.password = "wrong";
  Client stranger(connection);
  expect(insert(stranger, table.name(), "a"), ErrorClass::kAccess, 516);
  connection = RealTable::Connection();
  connection.database = "no_such_database";
  Client elsewhere(connection);
  expect(insert(elsewhere, "t", "a"), ErrorClass::kSchema, 81);
  expect(InsertNumbers(table, 95, 10, "y"), ErrorClass::kData, 469);
  expect(InsertNumbers(table, 0, 1, "z", {{"no_such_setting", "1"}}), ErrorClass::kAccess, 115);
  EXPECT_EQ(table.Ask("SELECT count() FROM {}"), "0");
}

TEST(RealInsertTest, TooManyPartitionsIsNotTooManyParts) {
  SKIP_WITHOUT_SERVER();
  RealTable table("(a Int64) ENGINE = MergeTree PARTITION BY a ORDER BY a");
  InsertOutcome outcome = InsertNumbers(table, 0, 200, "x");
  EXPECT_EQ(outcome.code, 252);
  EXPECT_EQ(outcome.error_class, ErrorClass::kSplit) << outcome.message;
  table.Ask("ALTER TABLE {} MODIFY SETTING parts_to_throw_insert = 1, parts_to_delay_insert = 1");
  table.Ask("SYSTEM STOP MERGES {}");
  ASSERT_TRUE(InsertNumbers(table, 1, 1, "y").ok);
  outcome = InsertNumbers(table, 1, 1, "z");
  EXPECT_EQ(outcome.code, 252);
  EXPECT_EQ(outcome.error_class, ErrorClass::kPressure) << outcome.message;
}

TEST(RealInsertTest, ATableThatChangedIsAnErrorAndNotGarbage) {
  SKIP_WITHOUT_SERVER();
  RealTable table("(a Int64, b String) ENGINE = MergeTree ORDER BY a");
  const TableDescription before = table.Describe();
  std::vector<SourceColumn> columns = Numbers(300, 3);
  Column texts("b", PhysicalType::kString);
  for (int i = 0; i < 3; ++i) texts.Append(Cell::String("not a number"));
  columns.push_back({std::move(texts), FieldType::kString});
  const EncodedBlock block = BlockFor(before, columns);
  table.Ask("ALTER TABLE {} MODIFY COLUMN b UInt8");
  const InsertOutcome outcome = InsertBlock(table, columns, block, "x");
  EXPECT_FALSE(outcome.ok);
  EXPECT_NE(outcome.code, 0) << outcome.message;
  EXPECT_EQ(table.Ask("SELECT count() FROM {}"), "0");
}

// What a block with too many partitions is split by.
TEST(RealInsertTest, TheServerHashesThePartitionsOfRows) {
  SKIP_WITHOUT_SERVER();
  RealTable table("(a Int64) ENGINE = MergeTree PARTITION BY (a % 3, intDiv(a, 100)) ORDER BY a");
  const TableDescription description = table.Describe();
  const auto columns = Numbers(0, 500);
  const EncodedBlock block = BlockFor(description, columns, BodyCodec::kNone);
  const std::vector<std::pair<std::string, std::string>> structure = {{"a", "Int64"}};
  const auto hashes = table.client().HashRows(description.partition_key, structure, block, {});
  ASSERT_TRUE(hashes.ok()) << hashes.error().detail;
  ASSERT_EQ(hashes.value().size(), 500U);
  std::map<std::pair<std::int64_t, std::int64_t>, std::uint64_t> partitions;
  std::set<std::uint64_t> different;
  for (std::int64_t a = 0; a < 500; ++a) {
    const std::uint64_t hash = hashes.value()[static_cast<std::size_t>(a)];
    EXPECT_EQ(partitions.try_emplace({a % 3, a / 100}, hash).first->second, hash) << a;
    different.insert(hash);
  }
  EXPECT_EQ(different.size(), 15U);
  EXPECT_FALSE(table.client().HashRows("no_such_column", structure, block, {}).ok());
}

TEST(RealInsertTest, CountsThePartsThatInsertsMake) {
  SKIP_WITHOUT_SERVER();
  RealTable table(kWithWindow);
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(InsertNumbers(table, i, 1, fmt::format("p/0/{}", i)).ok);
  }
  const auto parts = table.client().NewPartsPerSecond(table.name(), std::chrono::seconds(40), {});
  ASSERT_TRUE(parts.ok()) << parts.error().detail;
  EXPECT_DOUBLE_EQ(parts.value(), 0.1);
}

TEST(RealInsertTest, ALostAnswerIsUnknownAndTheTokenMakesTheRepeatHarmless) {
  SKIP_WITHOUT_SERVER();
  RealTable table(kWithWindow);
  const auto columns = Numbers(0, 500);
  const EncodedBlock block = BlockFor(table.Describe(), columns);
  ClickHouseConnection connection = RealTable::Connection();
  const std::string& host = connection.hosts.at(0);
  testing::TcpGate gate(static_cast<std::uint16_t>(std::stoi(host.substr(host.rfind(':') + 1))));
  gate.SetForInserts({.kind = testing::GateVerdict::Kind::kCutAnswer});
  connection.hosts = {fmt::format("127.0.0.1:{}", gate.port())};
  Client client(connection);
  const std::vector<std::string> names = {"a"};
  const InsertOutcome outcome =
      client.Insert({.table = table.name(), .columns = names, .block = &block, .token = "x"}, {});
  EXPECT_FALSE(outcome.ok);
  EXPECT_FALSE(outcome.answered);
  EXPECT_TRUE(outcome.sent);
  EXPECT_EQ(outcome.error_class, ErrorClass::kTransient);
  ASSERT_TRUE(InsertBlock(table, columns, block, "x").ok);
  EXPECT_EQ(table.Ask("SELECT count() FROM {}"), "500");
}

}  // namespace
}  // namespace penstock::clickhouse
