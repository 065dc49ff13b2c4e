#include "ctl/notices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "views.h"

namespace penstock::ctl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

RunView Unready(double seconds, std::string reason) {
  RunView run = RunAt(seconds, 0, 0);
  if (!reason.empty()) run.processes[1].why_not_ready = {std::move(reason)};
  return run;
}

TEST(Notices, AReasonThatLastsIsSaidOnceAndItsEndToo) {
  Notices notices;
  EXPECT_THAT(notices.Update(Unready(0, "nats: away")), IsEmpty());
  EXPECT_THAT(notices.Update(Unready(1.9, "nats: away")), IsEmpty());
  EXPECT_THAT(notices.Update(Unready(2, "nats: away")), ElementsAre("sink-0: nats: away"));
  EXPECT_THAT(notices.Update(Unready(60, "nats: away")), IsEmpty());
  EXPECT_THAT(notices.Update(Unready(61, "")), IsEmpty());
  EXPECT_THAT(notices.Update(Unready(63, "")), ElementsAre("sink-0: all is well again"));
  EXPECT_THAT(notices.Update(Unready(70, "")), IsEmpty());
}

TEST(Notices, TheMomentsOfAStartAreNotSaid) {
  Notices notices;
  EXPECT_THAT(notices.Update(Unready(0, "shards: not yet")), IsEmpty());
  EXPECT_THAT(notices.Update(Unready(1, "")), IsEmpty());
  EXPECT_THAT(notices.Update(Unready(9, "")), IsEmpty());
}

TEST(Notices, ReasonsThatChangeAreNotAFlood) {
  Notices notices;
  std::size_t lines = 0;
  for (int i = 0; i < 100; ++i) {
    lines += notices.Update(Unready(i, fmt::format("try {}", i / 3))).size();
  }
  EXPECT_LE(lines, 10U);
  EXPECT_GE(lines, 5U);
}

TEST(Notices, PausedInsertsAreAReason) {
  Notices notices;
  for (const double seconds : {0.0, 3.0}) {
    RunView run = RunAt(seconds, 0, 0);
    run.processes[1].paused = {"schema"};
    const auto lines = notices.Update(run);
    if (seconds > 0) {
      EXPECT_THAT(lines, ElementsAre("sink-0: inserts are paused: schema"));
    }
  }
}

}  // namespace
}  // namespace penstock::ctl
