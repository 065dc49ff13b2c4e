#include "ctl/dead_letters.h"

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/batch.h"
#include "protocol/dead_letter_codec.h"
#include "support/fake_streams.h"

namespace penstock::ctl {
namespace {

using penstock::testing::FakeStreams;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kPatience = std::chrono::milliseconds(50);
const std::string kStream = "PENSTOCK-orders-dlq";

DeadLetter Letter(std::int64_t offset, std::string component = "ingestor") {
  DeadLetter letter;
  letter.component = std::move(component);
  letter.error = fmt::format("bad at {}", offset);
  letter.original_message = "{\"x\":";
  letter.origin = {
      .source_id = "s", .topic = "t", .partition = 4, .generation = 1, .incarnation = 1};
  letter.offset = Offset(offset);
  letter.time_ms = 1'700'000'000'000;
  return letter;
}

std::string Line(const DeadLetter& letter) {
  std::string line;
  protocol::AppendDeadLetterLine(line, letter, "orders");
  return line;
}

class DeadLettersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(streams_.Ensure({.name = kStream, .subjects = {"dlq.*"}}).ok());
  }
  void Store(const std::string& lines) {
    const auto ack = streams_.PublishAndWait(
        {.subject = "dlq.x", .data = lines, .expected_last = {}, .message_id = {}}, kPatience);
    ASSERT_TRUE(ack.ok()) << ack.error().detail;
  }
  LetterStream Stream() {
    return {.streams = streams_, .name = kStream, .patience = kPatience, .clock = SystemClock()};
  }
  static LetterFilter Where(std::string_view condition) {
    LetterFilter filter;
    EXPECT_TRUE(filter.Add(condition, 0).ok());
    return filter;
  }
  LetterCounts Read(std::uint64_t limit = 1'000, const LetterFilter& filter = {}) {
    lines_.clear();
    const auto counts =
        ReadLetters(Stream(), filter, limit, {},
                    [this](const StoredLetter& letter) { lines_.emplace_back(letter.line); });
    EXPECT_TRUE(counts.ok()) << (counts.ok() ? "" : counts.error().detail);
    return counts.ok() ? counts.value() : LetterCounts();
  }
  static std::string WithoutNewline(const DeadLetter& letter) {
    std::string line = Line(letter);
    line.pop_back();
    return line;
  }

  FakeStreams streams_;
  std::vector<std::string> lines_;
};

TEST_F(DeadLettersTest, AnEmptyStreamAndNoStreamHaveNone) {
  EXPECT_EQ(Read().shown, 0U);
  ASSERT_TRUE(streams_.Remove(kStream).ok());
  EXPECT_EQ(Read().shown, 0U);
}

TEST_F(DeadLettersTest, LinesComeAsTheyAreStoredAndStay) {
  Store(Line(Letter(1)) + Line(Letter(2)));
  Store(Line(Letter(3)));
  for (int reading = 0; reading < 2; ++reading) {
    EXPECT_EQ(Read().shown, 3U);
    EXPECT_THAT(lines_, ElementsAre(WithoutNewline(Letter(1)), WithoutNewline(Letter(2)),
                                    WithoutNewline(Letter(3))));
  }
}

TEST_F(DeadLettersTest, ARepeatIsLeftOutAndTheFirstKept) {
  DeadLetter again = Letter(1);
  again.error = "said differently the second time";
  Store(Line(Letter(1)) + Line(Letter(2)));
  Store(Line(again) + Line(Letter(1, "sink")));
  const LetterCounts counts = Read();
  EXPECT_EQ(counts.shown, 3U);
  EXPECT_EQ(counts.repeats, 1U);
  EXPECT_THAT(lines_, ElementsAre(WithoutNewline(Letter(1)), WithoutNewline(Letter(2)),
                                  WithoutNewline(Letter(1, "sink"))));
}

TEST_F(DeadLettersTest, TheLimitSaysWhetherThereIsMore) {
  Store(Line(Letter(1)) + Line(Letter(2)));
  EXPECT_FALSE(Read(2).more);
  Store(Line(Letter(1)));
  EXPECT_FALSE(Read(2).more);
  Store(Line(Letter(3)));
  EXPECT_TRUE(Read(2).more);
}

TEST_F(DeadLettersTest, WhatWasPurgedIsNotMissed) {
  for (int i = 1; i <= 5; ++i) Store(Line(Letter(i)));
  ASSERT_TRUE(streams_.Trim(kStream, StreamSeq(4)).ok());
  EXPECT_EQ(Read().shown, 2U);
}

TEST_F(DeadLettersTest, TheLastMessageMayHaveBeenRemoved) {
  for (int i = 1; i <= 3; ++i) Store(Line(Letter(i)));
  ASSERT_TRUE(streams_.RemoveMessage(kStream, StreamSeq(3)).ok());
  EXPECT_EQ(Read().shown, 2U);
}

TEST_F(DeadLettersTest, WhatIsNoLetterIsShownAllTheSame) {
  Store("rubbish\n" + Line(Letter(1)));
  const LetterCounts counts = Read();
  EXPECT_EQ(counts.shown, 2U);
  EXPECT_EQ(counts.unreadable, 1U);
  EXPECT_EQ(lines_[0], "rubbish");
}

TEST_F(DeadLettersTest, AnUnavailableServerIsAnError) {
  streams_.faults().Add(
      {.kind = testing::FaultKind::kUnavailable, .operation = "State", .about = ""});
  const auto counts = ReadLetters(Stream(), LetterFilter(), 10, {}, [](const StoredLetter&) {});
  ASSERT_FALSE(counts.ok());
  EXPECT_EQ(counts.error().code, "unavailable");
}

TEST_F(DeadLettersTest, AFilterChoosesAndTheLimitCountsWhatIsChosen) {
  for (int i = 1; i <= 5; ++i) Store(Line(Letter(i)));
  Store("rubbish\n");
  EXPECT_EQ(Read(1'000, Where("offset>=4")).shown, 2U);
  EXPECT_THAT(lines_, ElementsAre(WithoutNewline(Letter(4)), WithoutNewline(Letter(5))));
  EXPECT_FALSE(Read(2, Where("offset<3")).more);
}

TEST_F(DeadLettersTest, APurgeTakesWhatMatchesAndNothingElse) {
  Store(Line(Letter(1)) + Line(Letter(2)) + "rubbish\n");
  Store(Line(Letter(2)));
  Store(Line(Letter(3)));
  const auto purged = PurgeLetters(Stream(), streams_, Where("offset=2"), {});
  ASSERT_TRUE(purged.ok()) << purged.error().detail;
  EXPECT_EQ(purged.value(), 2U);
  EXPECT_EQ(Read().shown, 3U);
  EXPECT_THAT(lines_, ::testing::UnorderedElementsAre(WithoutNewline(Letter(1)), "rubbish",
                                                      WithoutNewline(Letter(3))));
  ASSERT_TRUE(PurgeLetters(Stream(), streams_, LetterFilter(), {}).ok());
  EXPECT_EQ(Read().shown, 0U);
}

// It may end anywhere: between storing the rest of a message again and removing the message, and
// then the next purge finds both.
TEST_F(DeadLettersTest, APurgeThatIsCutShortLosesNothing) {
  Store(Line(Letter(1)) + Line(Letter(2)));
  streams_.faults().Add(
      {.kind = testing::FaultKind::kUnavailable, .operation = "RemoveMessage", .about = ""});
  EXPECT_FALSE(PurgeLetters(Stream(), streams_, Where("offset=2"), {}).ok());
  EXPECT_EQ(Read().shown, 2U);
  ASSERT_TRUE(PurgeLetters(Stream(), streams_, Where("offset=2"), {}).ok());
  EXPECT_EQ(Read().shown, 1U);
  EXPECT_THAT(lines_, ElementsAre(WithoutNewline(Letter(1))));
}

TEST(LetterPage, HasAllThatTheLetterHas) {
  DeadLetter letter = Letter(7, "sink");
  letter.code = 469;
  letter.code_name = "VIOLATED_CONSTRAINT";
  letter.column = "price";
  const std::string page = LetterPage(letter);
  for (const char* part :
       {"t/4/7", "sink", "bad at 7", "469 VIOLATED_CONSTRAINT", "price", "{\"x\":"}) {
    EXPECT_THAT(page, HasSubstr(part));
  }
}

TEST(PlaceOf, AJoinedRowHasAShardAndAStep) {
  DeadLetter letter;
  letter.origin = JoinOrigin(ShardId(3));
  letter.offset = Offset(17);
  EXPECT_EQ(PlaceOf(letter), "join/3/17");
  LetterFilter filter;
  ASSERT_TRUE(filter.Add("topic=join", 0).ok());
  EXPECT_TRUE(filter.Matches(letter));
}

TEST(LetterRow, IsOneLineWhateverTheLetterSays) {
  DeadLetter letter = Letter(7);
  letter.error = "two\nlines\x1b[31m";
  const std::string line = Line(letter);
  const std::string row = LetterRow({.line = line, .letter = &letter});
  EXPECT_THAT(row, HasSubstr("2023-11-14T22:13:20.000Z"));
  EXPECT_THAT(row, HasSubstr("t/4/7"));
  EXPECT_THAT(row, HasSubstr("two lines [31m"));
  EXPECT_EQ(LetterRow({.line = "a\tb", .letter = nullptr}), "(no dead letter) a b");
}

}  // namespace
}  // namespace penstock::ctl
