#include "ctl/rewind.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_group.h"
#include "fake_records.h"

namespace penstock::ctl {
namespace {

using ::testing::HasSubstr;

class RewinderTest : public ::testing::Test {
 protected:
  RewinderTest() {
    source_.topic = "t";
    source_.consumer_group = "g";
    records_.marks[0] = {.low = Offset(10), .high = Offset(900)};
    records_.marks[1] = {.low = Offset(0), .high = Offset(50)};
    group_.committed[0] = {.next = Offset(800), .metadata = "p1 1 1 00"};
  }
  Rewinder Make(std::optional<std::int32_t> partition = {}) {
    return Rewinder(
        {.source = source_, .partition = partition, .patience = std::chrono::seconds(1)},
        {.records = records_, .group = group_}, SystemClock());
  }
  std::vector<std::int64_t> PlacesOf(const std::string& target) {
    std::vector<std::int64_t> places;
    for (const Rewound& one : Make().Plan(ParseRewindTarget(target).value()).value()) {
      places.push_back(one.to.rep());
    }
    return places;
  }

  SourceSpec source_;
  FakeRecords records_;
  FakeGroup group_;
};

TEST_F(RewinderTest, KnowsEveryKindOfPlace) {
  EXPECT_EQ(PlacesOf("earliest"), (std::vector<std::int64_t>{10, 0}));
  EXPECT_EQ(PlacesOf("latest"), (std::vector<std::int64_t>{900, 50}));
  EXPECT_EQ(PlacesOf("1970-01-01T00:00:30Z"), (std::vector<std::int64_t>{30, 30}));
  const auto one = Make(0).Plan(ParseRewindTarget("17").value()).value();
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0].from, Offset(800));
  EXPECT_EQ(one[0].to, Offset(17));
}

TEST_F(RewinderTest, SaysWhatIsWrongWithAPlace) {
  EXPECT_EQ(ParseRewindTarget("yesterday").error().code, "usage");
  EXPECT_EQ(ParseRewindTarget("-1").error().code, "usage");
  const RewindTarget offset = ParseRewindTarget("17").value();
  EXPECT_THAT(Make().Plan(offset).error().detail, HasSubstr("say which with --partition"));
  EXPECT_THAT(Make(2).Plan(offset).error().detail, HasSubstr("has partitions 0 to 1, and no 2"));
  EXPECT_THAT(Make(1).Plan(ParseRewindTarget("51").value()).error().detail,
              HasSubstr("begins at offset 0 and ends before 50: there is no 51"));
}

// A commit without metadata of another offset is what an ingestor takes for a reset by hand.
TEST_F(RewinderTest, CommitsWithoutMetadataWhatChanges) {
  Rewinder rewinder = Make();
  ASSERT_TRUE(rewinder.Apply(rewinder.Plan(ParseRewindTarget("earliest").value()).value()).ok());
  EXPECT_EQ(group_.committed[0].next, Offset(10));
  EXPECT_EQ(group_.committed[0].metadata, "");
  group_.committed[1].metadata = "p1 1 1 00";
  ASSERT_TRUE(rewinder.Apply(rewinder.Plan(ParseRewindTarget("earliest").value()).value()).ok());
  EXPECT_EQ(group_.committed[1].metadata, "p1 1 1 00") << "it is there already";
}

TEST_F(RewinderTest, NamesWhoReads) {
  EXPECT_TRUE(Make().CheckNobodyReads().ok());
  group_.members = {{.client_id = "ingestor-0", .host = "/10.0.0.3"},
                    {.client_id = "ingestor-1", .host = "/10.0.0.4"}};
  EXPECT_THAT(
      Make().CheckNobodyReads().error().detail,
      HasSubstr("ingestor-0 (/10.0.0.3), ingestor-1 (/10.0.0.4): scale the ingestors to 0"));
}

}  // namespace
}  // namespace penstock::ctl
