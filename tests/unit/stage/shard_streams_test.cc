#include "stage/shard_streams.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock::stage {
namespace {

using ::testing::ElementsAre;

PipelineSpec Orders() {
  PipelineSpec spec;
  spec.pipeline_id = "orders";
  spec.resources.shards = 4;
  spec.resources.nats.max_bytes = 4096;
  return spec;
}

TEST(ShardStreamsTest, AStreamHasItsShareOfTheHop) {
  const io::StreamConfig in = ShardStreamConfig(Orders(), Hop::kIn, ShardId(3));
  EXPECT_EQ(in.name, "PENSTOCK-orders-in-3");
  EXPECT_THAT(in.subjects, ElementsAre("penstock.orders.in.3"));
  EXPECT_EQ(in.max_bytes, 1024U);
}

// A transform that shuffles publishes on the subject of its own shard.
TEST(ShardStreamsTest, AJoinsSidesTakeWhatComesFromOtherShards) {
  PipelineSpec spec = Orders();
  spec.join.emplace();
  EXPECT_THAT(ShardStreamConfig(spec, Hop::kLeft, ShardId(1)).subjects,
              ElementsAre("penstock.orders.left.1", "penstock.orders.left.1.*"));
  EXPECT_THAT(ShardStreamConfig(spec, Hop::kRight, ShardId(0)).subjects,
              ElementsAre("penstock.orders.right.0", "penstock.orders.right.0.*"));
  EXPECT_THAT(ShardStreamConfig(spec, Hop::kLeftIn, ShardId(0)).subjects,
              ElementsAre("penstock.orders.left-in.0"));
}

}  // namespace
}  // namespace penstock::stage
