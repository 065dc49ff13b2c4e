#pragma once

#include <cstdlib>
#include <string_view>

#include "base/format.h"

namespace penstock::internal {
[[noreturn]] inline void CheckFailed(const char* file, int line, std::string_view condition,
                                     std::string_view why) {
  fmt::print(stderr, "{}:{}: check failed: {}: {}\n", file, line, condition, why);
  std::abort();
}
}  // namespace penstock::internal

/// Ends the process when the program itself is wrong. On in every build. Never
/// for what a peer, a file or a user sent: that is an Error.
#define PENSTOCK_CHECK(condition, why) \
  ((condition) ? static_cast<void>(0)  \
               : ::penstock::internal::CheckFailed(__FILE__, __LINE__, #condition, why))
