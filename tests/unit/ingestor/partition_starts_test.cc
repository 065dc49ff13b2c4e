#include "ingestor/partition_starts.h"

#include <gtest/gtest.h>

#include "ingestor/record_mark.h"
#include "manual_clock.h"
#include "protocol/batch_codec.h"
#include "protocol/names.h"
#include "protocol/origin_record_codec.h"
#include "support/fake_key_value.h"
#include "support/fake_record_source.h"
#include "support/fake_streams.h"

namespace penstock::ingestor {
namespace {

constexpr auto kStream = "in-0";

/// One partition with a hundred records, and a shard whose stream has what was published of it.
class PartitionStartsTest : public ::testing::Test {
 protected:
  PartitionStartsTest() {
    EXPECT_TRUE(streams_.Ensure({.name = kStream, .subjects = {"in.0"}}).ok());
    for (int i = 0; i < 100; ++i) kafka_.Append(0, {.value = std::to_string(i)});
    source_->Poll({});
  }

  PartitionStarts Starts() {
    return {{.source_id = "s", .topic = "t", .initial_offset = {}, .streams = {kStream}},
            {.source = *source_,
             .fetch = [this](std::int32_t partition, Offset offset,
                             Clock::Time) { return kafka_.Fetch(partition, offset); },
             .bucket = bucket_,
             .streams = streams_,
             .tracker = tracker_,
             .clock = clock_,
             .metrics = metrics_}};
  }
  Result<CommitTracker::Beginning> Begin() { return Starts().Begin(0, kafka_.Committed(0)); }

  // An earlier owner read everything, published it in one message, and committed 30.
  void LeaveBehind() {
    ASSERT_TRUE(Begin().ok());
    const auto chunk = kafka_.Fetch(0, Offset(29)).value();
    const CommitMark mark{1, 1, MarkOf(chunk->records().front())};
    kafka_.SetCommitted(0, io::CommittedOffset{Offset(30), protocol::CommitMetadata(mark)});
    std::string data;
    protocol::EncodeBatch({}, 1, Codec::kNone, data);
    const auto ack = streams_.PublishAndWait(
        {.subject = "in.0", .data = data, .expected_last = {}, .message_id = {}}, {});
    const OriginRecord record{.committed = Offset(30),
                              .mark = mark,
                              .published = Offset(100),
                              .shards = {{ShardId(0),
                                          Offset(99),
                                          {.created_ns = streams_.State(kStream).value().created_ns,
                                           .seq = ack.value().seq,
                                           .digest = protocol::DigestOf(data)}}}};
    const auto entry = bucket_.Get(Key()).value();
    ASSERT_TRUE(bucket_.Update(Key(), protocol::EncodeOriginRecord(record), entry->revision).ok());
  }
  static std::string Key() { return protocol::OriginRecordKey("s", 0); }
  OriginRecord Record() {
    return protocol::DecodeOriginRecord(bucket_.Get(Key()).value()->value).value();
  }

  ManualClock clock_;
  testing::FakeKafka kafka_{1, "t"};
  std::unique_ptr<testing::FakeRecordSource> source_ = kafka_.Join();
  testing::FakeStreams streams_;
  testing::FakeKeyValue bucket_;
  CommitTracker tracker_{1};
  Metrics registry_;
  IngestorMetrics metrics_{registry_, "s", "t"};
};

TEST_F(PartitionStartsTest, TheFirstStartIsCommittedWithItsMark) {
  const auto beginning = Begin();
  ASSERT_TRUE(beginning.ok()) << beginning.error().detail;
  EXPECT_EQ(beginning.value().origin, (Origin{"s", "t", 0, 1, 1}));
  EXPECT_EQ(kafka_.Committed(0)->metadata, "p1 1 1");
  EXPECT_EQ(Record().committed, Offset(0));
}

TEST_F(PartitionStartsTest, ACommitThatIsRefusedIsNoStart) {
  kafka_.FailNextCommit({Remedy::kRetry, "refused_commit", "not ours"});
  EXPECT_FALSE(Begin().ok());
  EXPECT_FALSE(bucket_.Get(Key()).value());
}

TEST_F(PartitionStartsTest, ResumesWhereAllIsPublishedAndStillThere) {
  LeaveBehind();
  const auto beginning = Begin();
  ASSERT_TRUE(beginning.ok()) << beginning.error().detail;
  EXPECT_EQ(beginning.value().committed.next, Offset(30));
  EXPECT_EQ(beginning.value().read_from, Offset(100));
  EXPECT_EQ(beginning.value().published.size(), 1U);
  EXPECT_EQ(Record().published, Offset(100));
}

TEST_F(PartitionStartsTest, ResumesWhereTheSinkHasWhatTheStreamLost) {
  LeaveBehind();
  tracker_.Confirm({"s", "t", 0, 1, 1}, ShardId(0), Offset(99));
  streams_.LoseTail(kStream, StreamSeq(0));
  EXPECT_EQ(Begin().value().read_from, Offset(100));
}

TEST_F(PartitionStartsTest, GoesBackToTheCommitWhereAStreamIsShorter) {
  LeaveBehind();
  streams_.LoseTail(kStream, StreamSeq(0));
  EXPECT_EQ(Begin().value().read_from, Offset(30));
  EXPECT_EQ(Record().published, Offset(30));
}

TEST_F(PartitionStartsTest, GoesBackToTheCommitWhereAStreamIsAnother) {
  LeaveBehind();
  ASSERT_TRUE(streams_.Remove(kStream).ok());
  ASSERT_TRUE(streams_.Ensure({.name = kStream, .subjects = {"in.0"}}).ok());
  EXPECT_EQ(Begin().value().read_from, Offset(30));
}

TEST_F(PartitionStartsTest, ATopicMadeAnewBeginsAtItsStart) {
  LeaveBehind();
  kafka_.MakeAnew();
  for (int i = 0; i < 200; ++i) kafka_.Append(0, {.value = "new " + std::to_string(i)});
  const auto beginning = Begin();
  ASSERT_TRUE(beginning.ok()) << beginning.error().detail;
  EXPECT_EQ(beginning.value().origin.generation, 2U);
  EXPECT_EQ(beginning.value().read_from, Offset(0));
  EXPECT_EQ(kafka_.Committed(0)->metadata, "p1 2 1");
}

// An end may lag for a moment after a broker has died.
TEST_F(PartitionStartsTest, ATopicThatIsShorterIsMadeAnewOnlyWhenThatLasts) {
  LeaveBehind();
  kafka_.MakeAnew();
  PartitionStarts starts = Starts();
  const auto at_once = starts.Begin(0, kafka_.Committed(0));
  ASSERT_FALSE(at_once.ok());
  EXPECT_EQ(at_once.error().remedy, Remedy::kRetry);
  clock_.Advance(std::chrono::seconds(6));
  EXPECT_EQ(starts.Begin(0, kafka_.Committed(0)).value().origin.generation, 2U);
}

TEST_F(PartitionStartsTest, ARecordThatIsGarbageIsWrittenAnew) {
  LeaveBehind();
  const auto entry = bucket_.Get(Key()).value();
  ASSERT_TRUE(bucket_.Update(Key(), "garbage", entry->revision).ok());
  EXPECT_EQ(Begin().value().read_from, Offset(30));
  EXPECT_EQ(Record().committed, Offset(30));
}

// A process that was thought dead may not write over the next owner's record.
TEST_F(PartitionStartsTest, AnEarlierOwnerWritesNothing) {
  PartitionStarts earlier = Starts();
  const auto beginning = earlier.Begin(0, kafka_.Committed(0)).value();
  const auto stay = tracker_.Start(beginning);
  ASSERT_TRUE(Begin().ok());
  const auto revision = bucket_.Get(Key()).value()->revision;
  tracker_.Advance(stay, {Offset(50)});
  earlier.Keep(0);
  EXPECT_EQ(bucket_.Get(Key()).value()->revision, revision);
}

TEST_F(PartitionStartsTest, KeepWritesWhatHasChanged) {
  PartitionStarts starts = Starts();
  const auto stay = tracker_.Start(starts.Begin(0, kafka_.Committed(0)).value());
  const auto revision = bucket_.Get(Key()).value()->revision;
  starts.Keep(0);
  EXPECT_EQ(bucket_.Get(Key()).value()->revision, revision) << "nothing has";
  tracker_.Advance(stay, {Offset(50)});
  starts.Keep(0);
  EXPECT_EQ(Record().published, Offset(50));
}

}  // namespace
}  // namespace penstock::ingestor
