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

std::string_view Reason(FaultKind kind) {
  switch (kind) {
    case FaultKind::kNone:
      return "is fine";
    case FaultKind::kNull:
      return "null or missing, and the column is not Nullable";
    case FaultKind::kWrongKind:
      return "is not of a kind that it takes";
    case FaultKind::kOutOfRange:
      return "is out of its range";
    case FaultKind::kFraction:
      return "has a fraction";
    case FaultKind::kNotParsed:
      return "is in no form that it knows";
    case FaultKind::kTooLong:
      return "is longer than it holds";
    case FaultKind::kUnknownName:
      return "is none of its values";
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
