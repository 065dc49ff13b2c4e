#include "ctl/letter_filter.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock::ctl {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kNow = 1'700'000'000'000;

DeadLetter Letter() {
  DeadLetter letter;
  letter.component = "sink";
  letter.reason = DeadLetterReason::kSinkRejection;
  letter.error = "constraint `positive` is violated";
  letter.column = "price";
  letter.code = 469;
  letter.code_name = "VIOLATED_CONSTRAINT";
  letter.origin = {.source_id = "events#replay/2/41",
                   .topic = "orders",
                   .partition = 3,
                   .generation = 1,
                   .incarnation = 1};
  letter.offset = Offset(41);
  letter.key = "k";
  letter.time_ms = kNow - 30 * 60'000;
  return letter;
}

bool Matches(std::string_view condition) {
  LetterFilter filter;
  const Status added = filter.Add(condition, kNow);
  EXPECT_TRUE(added.ok()) << (added.ok() ? "" : added.error().detail);
  return filter.Matches(Letter());
}

TEST(LetterFilter, ComparesEachField) {
  for (const char* condition :
       {"code=469", "code_name=VIOLATED_CONSTRAINT", "reason=sink_rejection", "stage=sink",
        "column=price", "source=events", "topic=orders", "partition=3", "offset=41", "key=k",
        "error~positive", "time>=-1h", "time<2023-11-14T22:13:20Z", "offset!=40", "offset>40",
        "offset<=41", "column!=", "topic<p"}) {
    EXPECT_TRUE(Matches(condition)) << condition;
  }
  for (const char* condition : {"code=60", "reason=parse_error", "source=event", "partition>3",
                                "time>=-10m", "error~negative", "key!=k", "offset<41"}) {
    EXPECT_FALSE(Matches(condition)) << condition;
  }
}

TEST(LetterFilter, AllConditionsHold) {
  LetterFilter filter;
  EXPECT_TRUE(filter.Matches(Letter())) << "without conditions";
  ASSERT_TRUE(filter.Add("code=469", kNow).ok());
  ASSERT_TRUE(filter.Add("partition=4", kNow).ok());
  EXPECT_FALSE(filter.Matches(Letter()));
}

TEST(LetterFilter, SaysWhatWouldBeRight) {
  LetterFilter filter;
  const auto fault = [&](std::string_view condition) {
    const Status added = filter.Add(condition, kNow);
    return added.ok() ? std::string("no fault") : added.error().detail;
  };
  EXPECT_THAT(fault("cod=469"), HasSubstr("code, code_name, reason"));
  EXPECT_THAT(fault(""), HasSubstr("names no field"));
  EXPECT_THAT(fault("code"), HasSubstr("FIELD=VALUE"));
  EXPECT_THAT(fault("code=many"), HasSubstr("a whole number"));
  EXPECT_THAT(fault("offset~4"), HasSubstr("a whole number"));
  EXPECT_THAT(fault("time>yesterday"), HasSubstr("2024-03-15T10:22:31Z"));
  EXPECT_TRUE(filter.empty());
}

}  // namespace
}  // namespace penstock::ctl
