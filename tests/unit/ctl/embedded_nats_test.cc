#include "ctl/embedded_nats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock::ctl {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr std::uint64_t kGibibyte = 1ULL << 30;

PipelineSpec Spec() {
  PipelineSpec spec;
  spec.pipeline_id = "orders";
  spec.sources.emplace_back().source_id = "orders";
  spec.resources.shards = 3;
  spec.resources.nats.max_bytes = 4 * kGibibyte;
  return spec;
}

TEST(NatsConfig, ListensOnLoopbackOnlyAndBoundsEverything) {
  const std::string config = NatsConfig({.port = 4444,
                                         .server_name = "penstock-orders",
                                         .store = "/data/with \"quotes\"\\",
                                         .max_file_store = 123'456,
                                         .max_memory_store = 789});
  EXPECT_THAT(config,
              AllOf(HasSubstr("listen: \"127.0.0.1:4444\"\n"), HasSubstr("max_payload: 8MB\n"),
                    HasSubstr("max_file_store: 123456\n"), HasSubstr("max_memory_store: 789\n"),
                    HasSubstr("store_dir: \"/data/with \\\"quotes\\\"\\\\\"\n")));
}

TEST(NatsNeeds, AreThoseOfEveryHopAndTheDeadLetters) {
  const StreamNeeds one_hop = NeedsOf(Spec());
  EXPECT_GT(one_hop.file_bytes, 4 * kGibibyte);
  EXPECT_LT(one_hop.file_bytes, 6 * kGibibyte);
  PipelineSpec filtered = Spec();
  filtered.filter = FilterSpec{.source_id = "orders", .expression = "true"};
  EXPECT_NEAR(static_cast<double>(NeedsOf(filtered).file_bytes - one_hop.file_bytes),
              4.0 * kGibibyte, 1024);
}

TEST(NatsNeeds, StreamsInMemoryNeedMemory) {
  PipelineSpec spec = Spec();
  spec.resources.nats.memory_storage = true;
  EXPECT_GT(NeedsOf(spec).memory_bytes, 4 * kGibibyte);
  EXPECT_LT(NeedsOf(spec).file_bytes, 2 * kGibibyte);
}

TEST(FileStoreLimit, LeavesATenthOfTheDisk) {
  EXPECT_EQ(FileStoreLimit(100 * kGibibyte, 0, 0, kGibibyte).value(), 100 * kGibibyte / 10 * 9);
}

// nats-server would refuse the streams that it has.
TEST(FileStoreLimit, NeverShrinks) {
  EXPECT_EQ(FileStoreLimit(kGibibyte, kGibibyte, 50 * kGibibyte, 5 * kGibibyte).value(),
            50 * kGibibyte);
  EXPECT_GT(FileStoreLimit(10 * kGibibyte, 20 * kGibibyte, 0, 5 * kGibibyte).value(),
            20 * kGibibyte);
}

TEST(FileStoreLimit, TooLittleRoomIsSaidWithWhatToDo) {
  const auto limit = FileStoreLimit(2 * kGibibyte, 0, 0, 5 * kGibibyte);
  ASSERT_FALSE(limit.ok());
  EXPECT_EQ(limit.error().code, "no_room");
  EXPECT_THAT(limit.error().detail,
              AllOf(HasSubstr("1.8 GiB"), HasSubstr("5.0 GiB"),
                    HasSubstr("resources.nats.stream.maxBytes"), HasSubstr("--data-dir")));
}

}  // namespace
}  // namespace penstock::ctl
