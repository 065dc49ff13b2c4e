#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace penstock::kafka {

/// Decides which troubles are worth an event: each kind when it changes its words, at most once a
/// second, and again every ten seconds while it lasts. One thread.
class Troubles {
 public:
  explicit Troubles(const Clock& clock) : clock_(clock) {}

  /// True: to be told now.
  bool IsNews(const Error& error);

 private:
  struct Told {
    std::string detail;
    Clock::Time at;
  };

  const Clock& clock_;
  std::map<std::string_view, Told> told_;  // By code: a closed list.
};

}  // namespace penstock::kafka
