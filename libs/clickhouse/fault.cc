#include "clickhouse/fault.h"

#include "base/format.h"
#include "base/text.h"

namespace penstock::clickhouse {

namespace {

constexpr std::size_t kShownBytes = 100;

// The value for people: short, printable, and whole characters only.
std::string Shown(std::string_view value) {
  std::string_view head = value.substr(0, kShownBytes);
  while (head.size() < value.size() && !head.empty() &&
         (static_cast<unsigned char>(value[head.size()]) & 0xC0) == 0x80) {
    head.remove_suffix(1);
  }
  if (!IsUtf8(head)) return fmt::format("{} bytes that are not UTF-8", value.size());
  if (head.size() == value.size()) return std::string(head);
  return fmt::format("{}… ({} bytes)", head, value.size());
}

// What is wrong, and what would be right.
std::string_view Reason(FaultKind kind) {
  switch (kind) {
    case FaultKind::kNone:
      return "is fine";
    case FaultKind::kNull:
      return "null or missing, and the column is not Nullable; make it so, give the field a "
             "default, or set sink.null_as_default";
    case FaultKind::kWrongKind:
      return "is not of a kind that it takes; change the column's type, or map another field to it";
    case FaultKind::kOutOfRange:
      return "is out of its range; take a wider type";
    case FaultKind::kFraction:
      return "has a fraction; take Float64 or a Decimal";
    case FaultKind::kNotParsed:
      return "is in no form that it knows; see docs/clickhouse-types.md";
    case FaultKind::kTooLong:
      return "is longer than it holds; take String or a longer FixedString";
    case FaultKind::kUnknownName:
      return "is none of its values; add it to the Enum, or take LowCardinality(String)";
  }
  return "";
}

}  // namespace

void FaultLog::Add(FaultKind kind, std::string_view type, std::string_view value) {
  if (!faults_.empty() && faults_.back().row == row_) return;
  std::string message = kind == FaultKind::kNull
                            ? fmt::format("{}: {}", type, Reason(kind))
                            : fmt::format("{}: {} {}", type, Shown(value), Reason(kind));
  faults_.push_back({row_, std::move(message)});
}

}  // namespace penstock::clickhouse
