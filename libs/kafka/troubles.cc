#include "kafka/troubles.h"

namespace penstock::kafka {

bool Troubles::IsNews(const Error& error) {
  constexpr auto kAgain = std::chrono::seconds(10);
  constexpr auto kOtherWords = std::chrono::seconds(1);
  const Clock::Time now = clock_.Now();
  const auto found = told_.find(error.code);
  if (found != told_.end()) {
    const Clock::Duration age = now - found->second.at;
    if (age < (found->second.detail == error.detail ? kAgain : kOtherWords)) return false;
  }
  told_.insert_or_assign(error.code, Told{error.detail, now});
  return true;
}

}  // namespace penstock::kafka
