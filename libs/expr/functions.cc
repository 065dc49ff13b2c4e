#include <algorithm>
#include <array>
#include <map>

#include "expr/builtin_names.h"
#include "expr/function.h"

namespace penstock::expr {

namespace {

using Table = std::map<std::string_view, const Function*>;

Table Collect(std::initializer_list<std::span<const Function>> families) {
  Table table;
  for (const auto& family : families) {
    for (const Function& function : family) table[function.name] = &function;
  }
  return table;
}

const Table& Builtins() {
  static const Table table = Collect({NumberFunctions(), StringFunctions(), ArrayFunctions(),
                                      MapFunctions(), TimeFunctions(), JsonFunctions()});
  return table;
}

const Table& Helpers() {
  static const Table table = Collect({TextHelpers(), QueryHelpers()});
  return table;
}

const Function* Find(const Table& table, std::string_view name) {
  const auto found = table.find(name);
  return found == table.end() ? nullptr : found->second;
}

constexpr PredicateBuiltin kPredicateBuiltins[] = {
    {"all"},     {"none"},     {"any"},       {"one"},          {"filter"},
    {"map"},     {"find"},     {"findIndex"}, {"findLast"},     {"findLastIndex"},
    {"groupBy"}, {"count", 1}, {"sum", 1},    {"sortBy", 2, 3}, {"reduce", 2, 3},
};

}  // namespace

const Function* FindBuiltin(std::string_view name) {
  return Find(Builtins(), name);
}

const Function* FindHelper(std::string_view name) {
  return Find(Helpers(), name);
}

const PredicateBuiltin* FindPredicateBuiltin(std::string_view name) {
  const auto* const found =
      std::find_if(std::begin(kPredicateBuiltins), std::end(kPredicateBuiltins),
                   [&](const PredicateBuiltin& builtin) { return builtin.name == name; });
  return found == std::end(kPredicateBuiltins) ? nullptr : found;
}

bool IsBuiltin(std::string_view name) {
  return FindBuiltin(name) != nullptr || FindPredicateBuiltin(name) != nullptr;
}

bool IsHelper(std::string_view name) {
  return FindHelper(name) != nullptr;
}

std::size_t NameDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = (a[i - 1] | 0x20) == (b[j - 1] | 0x20);
      const std::size_t changed = diagonal + (same ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row[b.size()];
}

std::string_view NearestFunction(std::string_view name, bool helpers) {
  std::string_view nearest;
  std::size_t least = 3;  // Farther than two steps is another word.
  const auto look = [&](std::string_view known) {
    const std::size_t distance = NameDistance(name, known);
    if (distance < least && distance < known.size() / 2 + 1) {
      least = distance;
      nearest = known;
    }
  };
  for (const auto& [known, function] : Builtins()) look(known);
  for (const PredicateBuiltin& builtin : kPredicateBuiltins) look(builtin.name);
  if (helpers) {
    for (const auto& [known, function] : Helpers()) look(known);
  }
  return nearest;
}

}  // namespace penstock::expr
