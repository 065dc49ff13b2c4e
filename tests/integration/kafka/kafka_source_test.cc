#include "kafka/kafka_source.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <random>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/kafka_admin.h"
#include "support/record_source_world.h"

namespace penstock::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A topic of its own on the real Kafka, and members of a group that read it.
class KafkaTopic final : public RecordSourceWorld {
 public:
  explicit KafkaTopic(std::int32_t partitions = kPartitions)
      : admin(KafkaBrokers()), name(UniqueName("source")) {
    if (partitions > 0) admin.CreateTopic(name, partitions);
    options.connection.brokers = {KafkaBrokers()};
    options.topic = name;
    options.group = name;
  }

  std::unique_ptr<io::RecordSource> Join() override {
    options.client_id = fmt::format("member-{}", ++members_);
    auto source = kafka::OpenKafkaSource(options);
    if (!source.ok()) throw std::runtime_error(source.error().detail);
    return std::move(source).value();
  }
  void Append(std::int32_t partition, const std::vector<FakeRecord>& records) override {
    std::vector<ProducedRecord> produced;
    for (const FakeRecord& record : records) produced.push_back({.value = record.value});
    admin.Produce(name, partition, produced);
  }
  void AppendGap(std::int32_t) override {}
  void DeleteBefore(std::int32_t, Offset) override {}
  io::Watermarks Marks(std::int32_t partition) override {
    return admin.QueryWatermarks(name, partition);
  }
  std::optional<io::CommittedOffset> Committed(std::int32_t) override { return std::nullopt; }
  milliseconds Quiet() const override { return milliseconds(700); }

  KafkaAdmin admin;
  const std::string name;
  kafka::SourceOptions options;

 private:
  int members_ = 0;
};

bool StepUntil(const std::vector<TestMember*>& members, const std::function<bool()>& is_so,
               Clock::Duration patience = seconds(40)) {
  const Clock::Time deadline = TestMember::Deadline(patience);
  while (!is_so()) {
    if (SystemClock().Now() > deadline) return false;
    for (TestMember* member : members) member->Step();
  }
  return true;
}

std::vector<FakeRecord> Records(std::size_t count) {
  return std::vector<FakeRecord>(count, FakeRecord{.value = "value"});
}

std::size_t Count(const TestMember& member) {
  std::size_t count = 0;
  for (const auto& [partition, records] : member.records) count += records.size();
  return count;
}

const Error* TroubleWith(const TestMember& member, std::string_view code) {
  for (const Error& error : member.troubles) {
    if (error.code == code) return &error;
  }
  return nullptr;
}

std::unique_ptr<io::RecordChunk> FirstChunk(io::RecordSource& source) {
  for (const Clock::Time deadline = TestMember::Deadline(seconds(30));
       SystemClock().Now() < deadline;) {
    for (io::SourceEvent& event : source.Poll(TestMember::Deadline(milliseconds(100)))) {
      if (auto* chunk = std::get_if<std::unique_ptr<io::RecordChunk>>(&event)) {
        return std::move(*chunk);
      }
      if (const auto* assigned = std::get_if<io::Assigned>(&event)) {
        std::vector<io::OffsetToCommit> from;
        for (const std::int32_t partition : assigned->partitions) {
          from.push_back({.partition = partition, .next = Offset(0), .metadata = {}});
        }
        EXPECT_TRUE(source.StartReading(from).ok());
      }
    }
  }
  return nullptr;
}

TEST(KafkaSource, HeadersAreOneJsonObject) {
  KafkaTopic topic;
  topic.admin.Produce(topic.name, 0,
                      {{.value = "a", .headers = {{"b", "1"}, {"a", "\"x\""}, {"b", "2"}}},
                       {.value = "b", .headers = {{"bytes", "\xff\x01"}}},
                       {.value = "c"}});
  const std::unique_ptr<io::RecordSource> source = topic.Join();
  const std::unique_ptr<io::RecordChunk> chunk = FirstChunk(*source);
  ASSERT_NE(chunk, nullptr);
  ASSERT_EQ(chunk->records().size(), 3U);
  EXPECT_EQ(chunk->HeadersJson(0), R"({"a":"\"x\"","b":"2"})") << "of repeated names the last wins";
  EXPECT_EQ(chunk->HeadersJson(1), R"({"bytes":"/wE="})") << "not UTF-8: base64";
  EXPECT_EQ(chunk->HeadersJson(2), "{}");
  EXPECT_GT(chunk->bytes(), 3U);
}

TEST(KafkaSource, AChunkOutlivesItsSource) {
  KafkaTopic topic;
  topic.Append(0, {{.value = "still there"}});
  std::unique_ptr<io::RecordSource> source = topic.Join();
  std::unique_ptr<io::RecordChunk> chunk = FirstChunk(*source);
  ASSERT_NE(chunk, nullptr);
  source->Close();
  source.reset();
  EXPECT_EQ(chunk->records()[0].value, "still there");
  std::thread([last = std::move(chunk)]() mutable { last.reset(); }).join();
}

TEST(KafkaSource, RecordsOfAnOpenTransactionWaitForItsCommit) {
  KafkaTopic topic;
  KafkaProducer producer(KafkaBrokers(), {{"transactional.id", UniqueName("transaction")}});
  producer.BeginTransaction();
  producer.Send(topic.name, 0, {.value = "committed"});
  producer.Flush();
  TestMember member(topic);
  ASSERT_TRUE(StepUntil({&member}, [&] { return member.ends.contains(0); }));
  EXPECT_EQ(Count(member), 0U);
  EXPECT_EQ(member.ends[0], 0) << "the end is where nothing is undecided";
  producer.CommitTransaction();
  ASSERT_TRUE(StepUntil({&member}, [&] { return member.ends[0] == 2; }));
  EXPECT_EQ(Count(member), 1U);
}

TEST(KafkaSource, NewPartitionsAreAssigned) {
  KafkaTopic topic;
  topic.options.connection.properties["topic.metadata.refresh.interval.ms"] = "500";
  TestMember member(topic);
  ASSERT_TRUE(StepUntil({&member}, [&] { return member.reading.size() == 4; }));
  topic.admin.AddPartitions(topic.name, 6);
  topic.Append(5, Records(3));
  ASSERT_TRUE(StepUntil({&member}, [&] { return Count(member) == 3; }));
  EXPECT_EQ(member.reading.size(), 6U);
}

/// Members come and go without a pause while records are being read and written.
TEST(KafkaSource, RebalancesUnderLoadLoseNothingAndRepeatNothing) {
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  constexpr std::int32_t kMany = 12;
  constexpr std::int64_t kRecords = 20'000;
  KafkaTopic topic(kMany);
  topic.options.connection.properties["heartbeat.interval.ms"] = "200";
  std::thread writer([&] {
    KafkaProducer producer(KafkaBrokers());
    for (std::int64_t i = 0; i < kRecords * kMany; ++i) {
      producer.Send(topic.name, static_cast<std::int32_t>(i % kMany), {.value = "some value"});
    }
    producer.Flush();
  });
  std::vector<std::unique_ptr<TestMember>> members;
  members.push_back(std::make_unique<TestMember>(topic));
  std::map<std::int32_t, std::vector<std::int64_t>> delivered;
  const auto collect = [&](TestMember& member) {
    for (auto& [partition, records] : member.records) {
      for (const DeliveredRecord& record : records) delivered[partition].push_back(record.offset);
      records.clear();
    }
  };
  const auto is_complete = [&] {
    std::size_t total = 0;
    for (const auto& [partition, offsets] : delivered) total += offsets.size();
    return total >= static_cast<std::size_t>(kRecords * kMany);
  };
  const Clock::Time deadline = TestMember::Deadline(seconds(120));
  for (int step = 1; !is_complete() && SystemClock().Now() < deadline; ++step) {
    for (auto& member : members) {
      member->Step();
      collect(*member);
    }
    if (step % 40 != 0) continue;
    if (members.size() < 2 || (members.size() < 4 && random() % 2 == 0)) {
      members.push_back(std::make_unique<TestMember>(topic));
    } else {
      const auto leaving = members.begin() + static_cast<std::ptrdiff_t>(random() % members.size());
      ASSERT_TRUE((*leaving)->CommitAll().ok());
      (*leaving)->source->Close();
      members.erase(leaving);
    }
  }
  writer.join();
  for (std::int32_t p = 0; p < kMany; ++p) {
    std::vector<std::int64_t>& offsets = delivered[p];
    std::sort(offsets.begin(), offsets.end());
    ASSERT_EQ(offsets.size(), static_cast<std::size_t>(kRecords)) << "partition " << p;
    for (std::int64_t i = 0; i < kRecords; ++i) ASSERT_EQ(offsets[static_cast<std::size_t>(i)], i);
  }
}

TEST(KafkaSource, AMemberThatDoesNotPollLosesItsPartitions) {
  KafkaTopic topic;
  topic.options.connection.properties["session.timeout.ms"] = "6000";
  topic.options.connection.properties["max.poll.interval.ms"] = "6000";
  for (std::int32_t p = 0; p < 4; ++p) topic.Append(p, Records(5));
  TestMember sleeper(topic);
  sleeper.may_be_refused = true;
  ASSERT_TRUE(StepUntil({&sleeper}, [&] { return Count(sleeper) == 20; }));
  TestMember other(topic);
  ASSERT_TRUE(StepUntil({&other}, [&] { return other.reading.size() == 4; }))
      << "the sleeper kept its partitions";
  // It does not know yet, and must not undo what the other has committed.
  ASSERT_TRUE(StepUntil({&other}, [&] { return Count(other) == 20; }));
  ASSERT_TRUE(other.CommitAll().ok());
  const io::OffsetToCommit stale{.partition = 0, .next = Offset(1), .metadata = {}};
  const Status refused =
      sleeper.source->Commit(std::span(&stale, 1), TestMember::Deadline(seconds(10)));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, "refused_commit") << refused.error().detail;
  EXPECT_EQ(topic.admin.Committed(topic.name, topic.name).at(0).next, Offset(5));
  // Awake again, it hears that they are lost, and gets its share anew.
  ASSERT_TRUE(StepUntil({&sleeper, &other},
                        [&] { return sleeper.reading.size() == 2 && other.reading.size() == 2; }));
}

TEST(KafkaSource, SaysThatTheTopicIsNotThere) {
  KafkaTopic topic(/*partitions=*/0);
  TestMember member(topic);
  ASSERT_TRUE(StepUntil({&member}, [&] { return TroubleWith(member, "unknown_topic"); }));
  const Error& error = *TroubleWith(member, "unknown_topic");
  EXPECT_EQ(error.remedy, Remedy::kStop);
  EXPECT_THAT(error.detail, ::testing::HasSubstr(topic.name));
  const auto count = member.source->PartitionCount(TestMember::Deadline(seconds(10)));
  ASSERT_FALSE(count.ok());
  EXPECT_EQ(count.error().code, "unknown_topic");
}

TEST(KafkaSource, SaysThatTheBrokerIsNotThereAndKeepsItsDeadlines) {
  KafkaTopic topic(/*partitions=*/0);
  topic.options.connection.brokers = {"127.0.0.1:9"};
  TestMember member(topic);
  ASSERT_TRUE(StepUntil({&member}, [&] { return TroubleWith(member, "unavailable"); }));
  const Error& error = *TroubleWith(member, "unavailable");
  EXPECT_EQ(error.remedy, Remedy::kRetry);
  EXPECT_THAT(error.detail, ::testing::HasSubstr("127.0.0.1:9"));
  const Clock::Time start = SystemClock().Now();
  const std::int32_t partition = 0;
  const auto soon = [] { return TestMember::Deadline(milliseconds(200)); };
  EXPECT_FALSE(member.source->PartitionCount(soon()).ok());
  EXPECT_FALSE(member.source->QueryWatermarks(0, soon()).ok());
  EXPECT_FALSE(member.source->OffsetAtTime(0, 0, soon()).ok());
  EXPECT_FALSE(member.source->Committed(std::span(&partition, 1), soon()).ok());
  EXPECT_LT(SystemClock().Now() - start, seconds(3));
  member.source->Close();
  EXPECT_LT(SystemClock().Now() - start, seconds(6));
}

TEST(KafkaSource, CanBeClosedAtAnyMoment) {
  KafkaTopic topic;
  TestMember other(topic);
  ASSERT_TRUE(StepUntil({&other}, [&] { return other.reading.size() == 4; }));
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 15; ++i) {
    const std::unique_ptr<io::RecordSource> source = topic.Join();
    const Clock::Time end =
        TestMember::Deadline(milliseconds(random() % (random() % 3 == 0 ? 1500 : 50)));
    while (SystemClock().Now() < end) {
      // Nobody gives up what is revoked: closing has to.
      source->Poll(TestMember::Deadline(milliseconds(1)));
      other.Step();
    }
    const Clock::Time start = SystemClock().Now();
    std::atomic<bool> is_closed = false;
    std::thread closer([&] {
      source->Close();
      is_closed = true;
    });
    while (!is_closed) other.Step();
    closer.join();
    EXPECT_LT(SystemClock().Now() - start, seconds(10));
  }
  // Closed in the middle of joining, a member may be one that only the session time-out (10 s)
  // ends.
  EXPECT_TRUE(StepUntil(
      {&other}, [&] { return other.reading.size() == 4; }, seconds(30)))
      << "a closed member is still in the group";
}

void RunStack(const std::string& command) {
  const char* folder = std::getenv("PENSTOCK_STACK_DIR");
  ASSERT_NE(folder, nullptr);
  const std::string line = fmt::format("{}/deploy/local/stack {} kafka --dir {} >/dev/null",
                                       PENSTOCK_SOURCE_DIR, command, folder);
  ASSERT_EQ(std::system(line.c_str()), 0) << line;
}

TEST(KafkaSource, GoesOnAfterTheBrokerWasKilled) {
  KafkaTopic topic;
  for (std::int32_t p = 0; p < 4; ++p) topic.Append(p, Records(3000));
  TestMember member(topic);
  ASSERT_TRUE(StepUntil({&member}, [&] { return Count(member) == 12'000; }));
  ASSERT_TRUE(member.CommitAll().ok());
  member.may_be_refused = true;
  RunStack("kill9");
  const Status failed = member.source->Commit(
      std::vector<io::OffsetToCommit>{{.partition = 0, .next = Offset(1), .metadata = {}}},
      TestMember::Deadline(seconds(1)));
  EXPECT_FALSE(failed.ok());
  ASSERT_TRUE(StepUntil({&member}, [&] { return TroubleWith(member, "unavailable"); }));
  RunStack("start");
  for (std::int32_t p = 0; p < 4; ++p) topic.Append(p, Records(3000));
  const auto is_complete = [&] {
    return std::all_of(member.next.begin(), member.next.end(),
                       [](const auto& next) { return next.second == 6000; });
  };
  ASSERT_TRUE(StepUntil({&member}, is_complete, seconds(60)));
  for (std::int32_t p = 0; p < 4; ++p) {
    std::set<std::int64_t> offsets;
    for (const DeliveredRecord& record : member.records[p]) offsets.insert(record.offset);
    EXPECT_EQ(offsets.size(), 6000U) << "partition " << p;
    // Only a session that ended meanwhile makes it start again where it had committed.
    EXPECT_TRUE(member.losses > 0 || member.records[p].size() == 6000U) << "partition " << p;
  }
  ASSERT_TRUE(member.CommitAll().ok());
  EXPECT_EQ(topic.admin.Lag(topic.name, topic.name), 0);
}

}  // namespace
}  // namespace penstock::testing
