#include "protocol/names.h"

#include <map>

#include <gtest/gtest.h>

#include "protocol/routing.h"

namespace penstock::protocol {
namespace {

TEST(NamesTest, AnIdThatBothCanCarryStaysAsItIs) {
  EXPECT_EQ(PipelineToken("orders-2024"), "orders-2024");
  EXPECT_EQ(StreamName("orders", Hop::kIn, ShardId(3)), "PENSTOCK-orders-in-3");
  EXPECT_EQ(Subject("orders", Hop::kOut, ShardId(11)), "penstock.orders.out.11");
  EXPECT_EQ(DeadLetterStream("orders"), "PENSTOCK-orders-dlq");
  EXPECT_EQ(DeadLetterSubject("orders", "sink"), "penstock.orders.dlq.sink");
}

TEST(NamesTest, IdsThatCannotBeCarriedNeverShareAName) {
  const std::string ids[] = {"a.b.c",
                             "a-b-c.",
                             "A-B-C",
                             "a b c",
                             "a*b>c",
                             "-a-b-c",
                             "ü",
                             "?",
                             std::string(41, 'x'),
                             std::string(42, 'x')};
  std::map<std::string, std::string> seen;
  for (const std::string& id : ids) {
    const std::string token = PipelineToken(id);
    EXPECT_TRUE(seen.emplace(token, id).second) << token;
    EXPECT_EQ(PipelineToken(token), token) << "a token is carried as it is";
  }
}

TEST(RoutingTest, RunsOfOffsetsRotateOverTheShards) {
  EXPECT_EQ(ShardOf(0, Offset(0), 12), ShardOf(0, Offset(kRunLength - 1), 12));
  EXPECT_NE(ShardOf(0, Offset(0), 12), ShardOf(0, Offset(kRunLength), 12));
  std::map<std::uint32_t, int> rows;
  for (std::int64_t run = 0; run < 24; ++run)
    ++rows[ShardOf(5, Offset(run * kRunLength), 12).rep()];
  EXPECT_EQ(rows.size(), 12U);
  for (const auto& [shard, count] : rows) EXPECT_EQ(count, 2) << shard;
}

// Routing decides where a replayed record goes: these values may never change.
TEST(RoutingTest, IsTheSameForEver) {
  EXPECT_EQ(ShardOf(3, Offset(10'000), 12), ShardId(5));
  EXPECT_EQ(ShardOfKey("", 256), ShardId(static_cast<std::uint32_t>(0x2d06800538d394c2ULL % 256)));
}

}  // namespace
}  // namespace penstock::protocol
