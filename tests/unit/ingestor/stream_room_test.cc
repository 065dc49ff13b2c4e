#include "ingestor/stream_room.h"

#include <gtest/gtest.h>

#include "support/fake_streams.h"

namespace penstock::ingestor {
namespace {

TEST(StreamRoomTest, ATenthIsLeftToTheClocks) {
  testing::FakeStreams streams;
  for (const char* name : {"a", "b"}) {
    ASSERT_TRUE(streams.Ensure({.name = name, .subjects = {name}, .max_bytes = 100'000}).ok());
  }
  const std::string data(80'000, 'x');
  ASSERT_TRUE(
      streams
          .PublishAndWait({.subject = "a", .data = data, .expected_last = {}, .message_id = {}}, {})
          .ok());
  StreamRoom room(streams, {"a", "b"});
  EXPECT_TRUE(room.Has(ShardId(0))) << "nobody has looked yet";
  room.Look();
  EXPECT_TRUE(room.Has(ShardId(0)));
  room.Published(ShardId(0), 9'000);
  room.Published(ShardId(0), 900);
  EXPECT_FALSE(room.Has(ShardId(0))) << "what was added since counts";
  EXPECT_TRUE(room.Has(ShardId(1)));
  // Somebody else's rows.
  const std::string more(12'000, 'x');
  ASSERT_TRUE(
      streams
          .PublishAndWait({.subject = "a", .data = more, .expected_last = {}, .message_id = {}}, {})
          .ok());
  room.Look();
  EXPECT_FALSE(room.Has(ShardId(0)));
  streams.faults().Add(
      {.kind = testing::FaultKind::kUnavailable, .operation = "State", .about = {}});
  room.Look();
  EXPECT_FALSE(room.Has(ShardId(0))) << "as it was known";
  ASSERT_TRUE(streams.Trim("a", StreamSeq(2)).ok());
  room.Look();
  EXPECT_TRUE(room.Has(ShardId(0)));
}

}  // namespace
}  // namespace penstock::ingestor
