#pragma once

#include <optional>
#include <string_view>

#include "expr/context.h"
#include "expr/value.h"

namespace penstock::expr {

/// The value of a JSON text. Numbers are floats, of equal keys the last wins, what is not UTF-8
/// becomes U+FFFD. Strings without escapes point into `text`. Nothing when it is no JSON, nested
/// deeper than Context::kMaxDepth or has a number beyond float64: `context` then has failed, with
/// the reason.
std::optional<Value> ReadJson(Context& context, std::string_view text);

}  // namespace penstock::expr
