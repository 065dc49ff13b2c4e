#include "conformance/expr_vectors.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <stdexcept>

#include "base/text.h"
#include "expr/number_text.h"
#include "expr/time_layout.h"
#include "expr/time_value.h"
#include "expr/value_text.h"

namespace penstock::conformance {

namespace {

using ValueKind = expr::Kind;
using expr::Value;

Json FloatNotation(double value) {
  if (std::isnan(value)) return {{"$float", "NaN"}};
  if (std::isinf(value)) return {{"$float", value > 0 ? "+Inf" : "-Inf"}};
  return value;
}

Json TextNotation(std::string_view text) {
  if (!IsUtf8(text)) return {{"$bytes", Base64Encode(text)}};
  return std::string(text);
}

Json MapNotation(expr::Context& context, const Value& map) {
  if (map.IsTextMap()) {
    Json object = Json::object();
    for (const expr::Entry& entry : map.map()) {
      object[std::string(entry.key.string())] = Notation(context, entry.value);
    }
    return object;
  }
  const auto entries = map.map();
  const bool all_text = std::all_of(entries.begin(), entries.end(),
                                    [](const expr::Entry& entry) { return entry.key.IsString(); });
  std::vector<std::pair<std::string, Json>> sorted;
  Json object = Json::object();
  for (const expr::Entry& entry : entries) {
    std::string text;
    AppendPrinted(context, text, entry.key);
    sorted.emplace_back(
        text, Json::array({Notation(context, entry.key), Notation(context, entry.value)}));
    object[text] = Notation(context, entry.value);
  }
  if (all_text) return object;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  Json pairs = Json::array();
  for (const auto& [text, pair] : sorted) pairs.push_back(pair);
  return {{"$map", pairs}};
}

Json Sorted(const Json& array) {
  std::vector<Json> items(array.begin(), array.end());
  std::sort(items.begin(), items.end(),
            [](const Json& a, const Json& b) { return a.dump() < b.dump(); });
  return items;
}

bool SameFloat(double a, double b, double tolerance) {
  if (a == b) return std::signbit(a) == std::signbit(b);
  return std::fabs(a - b) <= tolerance * std::max(std::fabs(a), std::fabs(b));
}

}  // namespace

std::vector<Outcome> RunLines(const std::filesystem::path& path,
                              const std::function<Outcome(const Json& line)>& judge) {
  std::vector<std::filesystem::path> files = {path};
  if (std::filesystem::is_directory(path)) {
    files.clear();
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      if (entry.path().extension() == ".jsonl") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
  }
  std::vector<Outcome> outcomes;
  for (const std::filesystem::path& file : files) {
    std::ifstream in(file, std::ios::binary);
    if (!in) throw std::runtime_error("cannot read " + file.string());
    for (std::string line; std::getline(in, line);) {
      if (!line.empty()) outcomes.push_back(judge(Json::parse(line)));
    }
  }
  return outcomes;
}

Json Notation(expr::Context& context, const Value& value) {
  switch (value.kind) {
    case ValueKind::kNil:
      return nullptr;
    case ValueKind::kBool:
      return value.boolean;
    case ValueKind::kFloat:
      return FloatNotation(value.number);
    case ValueKind::kWide: {
      std::string digits;
      expr::AppendWide(digits, value);
      return Json::parse(digits);
    }
    case ValueKind::kString:
      return TextNotation(value.string());
    case ValueKind::kArray: {
      Json items = Json::array();
      for (const Value& item : value.array()) items.push_back(Notation(context, item));
      return items;
    }
    case ValueKind::kMap:
      return MapNotation(context, value);
    case ValueKind::kTime: {
      std::string text;
      AppendLayout(text, *value.time, "2006-01-02T15:04:05.999999999Z07:00");
      return text;
    }
    case ValueKind::kZone:
      return value.zone->name();
    case ValueKind::kMethod:
      return "a method";
    default:
      return value.integer;
  }
}

bool SameValue(const Json& a, const Json& b, double tolerance, bool unordered) {
  if (a.is_number_float() && b.is_number_float()) {
    return SameFloat(a.get<double>(), b.get<double>(), tolerance);
  }
  if (a.is_number_integer() && b.is_number_integer()) return a == b;
  if (a.type() != b.type()) return false;
  if (a.is_array()) {
    if (a.size() != b.size()) return false;
    if (unordered) return SameValue(Sorted(a), Sorted(b), tolerance);
    return std::equal(a.begin(), a.end(), b.begin(),
                      [&](const Json& x, const Json& y) { return SameValue(x, y, tolerance); });
  }
  if (a.is_object()) {
    if (a.size() != b.size()) return false;
    for (const auto& [key, value] : a.items()) {
      if (!b.contains(key) || !SameValue(value, b.at(key), tolerance)) return false;
    }
    return true;
  }
  return a == b;
}

}  // namespace penstock::conformance
