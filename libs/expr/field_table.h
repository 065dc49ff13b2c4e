#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::expr {

/// The fields that a group of expressions uses, a slot each. Expressions that are evaluated over
/// the same rows are compiled against the same table, so that a row gives each field once.
class FieldTable {
 public:
  /// Over records as JSON: `a.b` is the member b of the field a, as in the reference.
  FieldTable() = default;
  /// Over columns: `a.b.c` is the column "a.b.c", else c within "a.b", else b.c within "a".
  explicit FieldTable(std::set<std::string, std::less<>> columns) : columns_(std::move(columns)) {}

  std::uint32_t SlotOf(std::string_view name);
  /// By slot.
  const std::vector<std::string>& names() const { return names_; }

  /// An expression reads the whole record.
  void UseWhole() { uses_whole_ = true; }
  bool uses_whole() const { return uses_whole_; }

  bool over_columns() const { return columns_.has_value(); }
  bool HasColumn(std::string_view name) const { return columns_->contains(name); }

 private:
  std::optional<std::set<std::string, std::less<>>> columns_;
  std::map<std::string, std::uint32_t, std::less<>> slots_;
  std::vector<std::string> names_;
  bool uses_whole_ = false;
};

}  // namespace penstock::expr
