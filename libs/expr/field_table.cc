#include "expr/field_table.h"

namespace penstock::expr {

std::uint32_t FieldTable::SlotOf(std::string_view name) {
  const auto found = slots_.find(name);
  if (found != slots_.end()) return found->second;
  const auto slot = static_cast<std::uint32_t>(names_.size());
  names_.emplace_back(name);
  slots_.emplace(name, slot);
  return slot;
}

}  // namespace penstock::expr
