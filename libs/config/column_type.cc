#include "config/column_type.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/format.h"
#include "config/nearest.h"

namespace penstock::config {

namespace {

enum class Arguments { kNone, kValues, kTypes, kNamedTypes };

struct Family {
  std::string_view name;
  Arguments arguments = Arguments::kNone;
  std::size_t min = 0;  ///< Arguments at least and at most.
  std::size_t max = 0;
};

constexpr std::size_t kAny = 1'000;

// ClickHouse's type families. kNamedTypes: each argument is a type, perhaps after a name.
constexpr auto kFamilies = std::to_array<Family>({
    {"Bool"},
    {"Int8"},
    {"Int16"},
    {"Int32"},
    {"Int64"},
    {"Int128"},
    {"Int256"},
    {"UInt8"},
    {"UInt16"},
    {"UInt32"},
    {"UInt64"},
    {"UInt128"},
    {"UInt256"},
    {"Float32"},
    {"Float64"},
    {"BFloat16"},
    {"String"},
    {"UUID"},
    {"IPv4"},
    {"IPv6"},
    {"Date"},
    {"Date32"},
    {"Time"},
    {"Point"},
    {"Ring"},
    {"LineString"},
    {"MultiLineString"},
    {"Polygon"},
    {"MultiPolygon"},
    {"Geometry"},
    {"IntervalNanosecond"},
    {"IntervalMicrosecond"},
    {"IntervalMillisecond"},
    {"IntervalSecond"},
    {"IntervalMinute"},
    {"IntervalHour"},
    {"IntervalDay"},
    {"IntervalWeek"},
    {"IntervalMonth"},
    {"IntervalQuarter"},
    {"IntervalYear"},
    {"FixedString", Arguments::kValues, 0, 1},
    {"DateTime", Arguments::kValues, 0, 1},
    {"DateTime32", Arguments::kValues, 0, 1},
    {"DateTime64", Arguments::kValues, 0, 2},
    {"Time64", Arguments::kValues, 0, 1},
    {"Decimal", Arguments::kValues, 1, 2},
    {"Decimal32", Arguments::kValues, 1, 1},
    {"Decimal64", Arguments::kValues, 1, 1},
    {"Decimal128", Arguments::kValues, 1, 1},
    {"Decimal256", Arguments::kValues, 1, 1},
    {"Enum8", Arguments::kValues, 0, kAny},
    {"Enum16", Arguments::kValues, 0, kAny},
    {"QBit", Arguments::kValues, 2, 2},
    {"JSON", Arguments::kValues, 0, kAny},
    {"Object", Arguments::kValues, 1, 1},
    {"Dynamic", Arguments::kValues, 0, 1},
    {"AggregateFunction", Arguments::kValues, 1, kAny},
    {"SimpleAggregateFunction", Arguments::kValues, 2, kAny},
    {"Nullable", Arguments::kTypes, 1, 1},
    {"LowCardinality", Arguments::kTypes, 1, 1},
    {"Array", Arguments::kTypes, 1, 1},
    {"Map", Arguments::kTypes, 2, 2},
    {"Variant", Arguments::kTypes, 1, kAny},
    {"Tuple", Arguments::kNamedTypes, 0, kAny},
    {"Nested", Arguments::kNamedTypes, 1, kAny},
});

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

// The arguments between the brackets, cut at commas outside of quotes and inner brackets; false:
// brackets or quotes do not match.
bool SplitArguments(std::string_view text, std::vector<std::string_view>& arguments) {
  int depth = 0;
  char quote = 0;
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == '\\') ++i;
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '`' || c == '"') {
      quote = c;
    } else if (c == '(') {
      ++depth;
    } else if (c == ')') {
      if (--depth < 0) return false;
    } else if (c == ',' && depth == 0) {
      arguments.push_back(Trim(text.substr(start, i - start)));
      start = i + 1;
    }
  }
  if (!Trim(text).empty()) arguments.push_back(Trim(text.substr(start)));
  return depth == 0 && quote == 0;
}

// "a String" → "String"; a plain type stays. The name may be quoted.
std::string_view WithoutName(std::string_view argument) {
  std::size_t at = 0;
  if (argument.starts_with('`') || argument.starts_with('"')) {
    const std::size_t close = argument.find(argument.front(), 1);
    return close == std::string_view::npos ? argument : Trim(argument.substr(close + 1));
  }
  at = argument.find_first_of(" (");
  if (at == std::string_view::npos || argument[at] == '(') return argument;
  return Trim(argument.substr(at));
}

std::string UnknownType(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Family& family : kFamilies) names.push_back(family.name);
  return fmt::format("\"{}\" is no type of ClickHouse; write it as DESCRIBE TABLE does{}", name,
                     Hint(name, names));
}

std::string FaultAt(std::string_view type, int depth) {
  constexpr int kMaxDepth = 32;
  type = Trim(type);
  const std::size_t open = type.find('(');
  const std::string_view name = Trim(type.substr(0, open));
  const auto* family = std::find_if(kFamilies.begin(), kFamilies.end(),
                                    [&](const Family& f) { return f.name == name; });
  if (family == kFamilies.end()) return UnknownType(name);
  std::vector<std::string_view> arguments;
  if (open != std::string_view::npos) {
    if (!type.ends_with(')') || depth > kMaxDepth ||
        !SplitArguments(type.substr(open + 1, type.size() - open - 2), arguments)) {
      return fmt::format("the brackets of \"{}\" do not match", type);
    }
    if (family->arguments == Arguments::kNone) return fmt::format("{} takes no parameters", name);
  }
  if (arguments.size() < family->min || arguments.size() > family->max) {
    return fmt::format("{} has {} parameters, which is too {}", name, arguments.size(),
                       arguments.size() < family->min ? "few" : "many");
  }
  if (family->arguments != Arguments::kTypes && family->arguments != Arguments::kNamedTypes) {
    return "";
  }
  for (const std::string_view argument : arguments) {
    const bool named = family->arguments == Arguments::kNamedTypes;
    std::string fault = FaultAt(named ? WithoutName(argument) : argument, depth + 1);
    if (!fault.empty()) return fault;
  }
  return "";
}

}  // namespace

std::string ColumnTypeFault(std::string_view type) {
  return FaultAt(type, 0);
}

bool NeedsExactNumber(std::string_view column_type) {
  column_type = Trim(column_type);
  for (const std::string_view wrapper :
       {"Nullable(", "LowCardinality(", "SimpleAggregateFunction("}) {
    if (!column_type.starts_with(wrapper) || !column_type.ends_with(')')) continue;
    std::string_view inner =
        column_type.substr(wrapper.size(), column_type.size() - wrapper.size() - 1);
    // Behind the name of a function.
    if (wrapper.starts_with("Simple")) inner.remove_prefix(std::min(inner.size(), inner.find(',')));
    if (inner.starts_with(',')) inner.remove_prefix(1);
    return NeedsExactNumber(inner);
  }
  return column_type.starts_with("Decimal") || column_type.starts_with("Int128") ||
         column_type.starts_with("Int256") || column_type.starts_with("UInt128") ||
         column_type.starts_with("UInt256");
}

}  // namespace penstock::config
