#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/check.h"
#include "base/format.h"

namespace penstock {

/// What the caller does about a failure. Three, so that every stage loop can
/// handle all of them on one screen.
enum class Remedy : std::uint8_t {
  kRetry,       ///< The same call may succeed later: back off, try again.
  kDeadLetter,  ///< This record never will, the next one may: set it aside.
  kStop,        ///< Nothing will until an operator acts: end the process.
};

struct [[nodiscard]] Error {
  Remedy remedy;
  std::string_view code;  ///< Static text from a closed list: a metric label.
  std::string detail;     ///< For people. Never parsed, never a label.

  Error Within(std::string_view where) && {
    detail = fmt::format("{}: {}", where, detail);
    return std::move(*this);
  }
};

/// A value, or the reason there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Error error)
      : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const noexcept { return state_.index() == 0; }
  const T& value() const& {
    return PENSTOCK_CHECK(ok(), "value() of a failed Result"), std::get<0>(state_);
  }
  T value() && {
    return PENSTOCK_CHECK(ok(), "value() of a failed Result"), std::get<0>(std::move(state_));
  }
  const Error& error() const& {
    return PENSTOCK_CHECK(!ok(), "error() of a good Result"), std::get<1>(state_);
  }
  Error error() && {
    return PENSTOCK_CHECK(!ok(), "error() of a good Result"), std::get<1>(std::move(state_));
  }

 private:
  std::variant<T, Error> state_;
};

struct Done {};
using Status = Result<Done>;

}  // namespace penstock

#define PENSTOCK_CONCAT_(a, b) a##b
#define PENSTOCK_CONCAT(a, b) PENSTOCK_CONCAT_(a, b)

/// Returns from the enclosing function if `expr` failed.
#define PENSTOCK_RETURN_IF_ERROR(expr)                      \
  if (auto penstock_status = (expr); !penstock_status.ok()) \
  return std::move(penstock_status).error()

/// Declares `decl` from the value of `expr`, or returns its error.
#define PENSTOCK_ASSIGN_OR_RETURN(decl, expr) \
  PENSTOCK_ASSIGN_OR_RETURN_(PENSTOCK_CONCAT(penstock_result_, __LINE__), decl, expr)
#define PENSTOCK_ASSIGN_OR_RETURN_(tmp, decl, expr) \
  auto tmp = (expr);                                \
  if (!tmp.ok()) return std::move(tmp).error();     \
  decl = std::move(tmp).value()
