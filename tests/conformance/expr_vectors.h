#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "conformance/kind.h"
#include "expr/context.h"
#include "expr/value.h"

/// What the kinds about expressions share.
namespace penstock::conformance {

using Json = nlohmann::json;

/// Runs `judge` over each line of the file, or of all *.jsonl of the folder.
std::vector<Outcome> RunLines(const std::filesystem::path& path,
                              const std::function<Outcome(const Json& line)>& judge);

/// A value in the notation of the vectors (vectors/README.md, "How values are written").
Json Notation(expr::Context& context, const expr::Value& value);

/// Equal, and integers are integers. Floats may differ by `tolerance`, relatively; with
/// `unordered` the items of an array may come in any order.
bool SameValue(const Json& a, const Json& b, double tolerance = 0, bool unordered = false);

}  // namespace penstock::conformance
