#include "clickhouse/table.h"

#include <gtest/gtest.h>

namespace penstock::clickhouse {
namespace {

TableDescription Table(std::string engine, TokenWindow window) {
  TableDescription table;
  table.database = "db";
  table.table = "t";
  table.engine = std::move(engine);
  table.token_window = window;
  return table;
}

TEST(TokenMemoryTest, AWindowIsAsLongAsItsTokensLastAtThePaceOfTheTable) {
  const TableDescription table = Table("MergeTree", {.blocks = 10'000, .seconds = 0});
  EXPECT_TRUE(MemoryAt(table, 0).enough);
  EXPECT_TRUE(MemoryAt(table, 1).enough);
  EXPECT_DOUBLE_EQ(MemoryAt(table, 1).seconds, 10'000);
  const TokenMemory memory = MemoryAt(table, 100);
  EXPECT_FALSE(memory.enough);
  EXPECT_DOUBLE_EQ(memory.seconds, 100);
  EXPECT_NE(memory.sentence.find("100.0 new parts a second"), std::string::npos);
  EXPECT_EQ(memory.alter,
            "ALTER TABLE `db`.`t` MODIFY SETTING non_replicated_deduplication_window = 720000");
}

TEST(TokenMemoryTest, AReplicatedTableAlsoForgetsByTime) {
  const TableDescription table = Table("ReplicatedMergeTree", {.blocks = 10'000, .seconds = 600});
  const TokenMemory memory = MemoryAt(table, 1);
  EXPECT_FALSE(memory.enough);
  EXPECT_DOUBLE_EQ(memory.seconds, 600);
  EXPECT_EQ(memory.alter,
            "ALTER TABLE `db`.`t` MODIFY SETTING replicated_deduplication_window_seconds = 7200");
  EXPECT_NE(MemoryAt(table, 1000).alter.find(" replicated_deduplication_window = 7200000"),
            std::string::npos);
}

TEST(TokenMemoryTest, WithoutAWindowThereIsNothingToMeasure) {
  EXPECT_TRUE(MemoryAt(Table("MergeTree", {}), 1000).enough);
  EXPECT_FALSE(GuaranteeOf(Table("MergeTree", {})).exactly_once);
}

}  // namespace
}  // namespace penstock::clickhouse
