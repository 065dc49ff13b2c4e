#include "ingestor/stream_room.h"

#include <gtest/gtest.h>

namespace penstock::ingestor {
namespace {

io::StreamState Holding(std::uint64_t bytes) {
  return {.bytes = bytes, .max_bytes = 100'000};
}

TEST(StreamRoomTest, ATenthIsLeftToTheClocks) {
  StreamRoom room(2);
  EXPECT_TRUE(room.Has(ShardId(0))) << "nobody has looked yet";
  room.Seen(ShardId(0), 0, Holding(80'000));
  EXPECT_TRUE(room.Has(ShardId(0)));
  room.Published(ShardId(0), 9'000);
  room.Published(ShardId(0), 900);
  EXPECT_FALSE(room.Has(ShardId(0))) << "what was added since counts";
  EXPECT_TRUE(room.Has(ShardId(1)));
  room.Seen(ShardId(0), room.published(ShardId(0)), Holding(92'000));
  EXPECT_FALSE(room.Has(ShardId(0))) << "somebody else's rows";
  room.Seen(ShardId(0), room.published(ShardId(0)), Holding(12'000));
  EXPECT_TRUE(room.Has(ShardId(0)));
}

}  // namespace
}  // namespace penstock::ingestor
