#include "json/dead_letter_json.h"

#include <array>
#include <chrono>
#include <limits>
#include <span>
#include <string>
#include <utility>

#include "base/format.h"
#include "base/text.h"
#include "json/record_parser.h"

namespace penstock::json {

namespace {

enum Member : std::size_t {
  kComponent,
  kError,
  kOriginalMessage,
  kEncoding,
  kReason,
  kColumn,
  kCode,
  kCodeName,
  kSourceId,
  kTopic,
  kPartition,
  kGeneration,
  kIncarnation,
  kOffset,
  kTimestamp,
  kKey,
  kKeyEncoding,
  kTime,
  kMembers,
};

constexpr std::array<std::pair<std::string_view, FieldType>, kMembers> kNames{{
    {"component", FieldType::kString},
    {"error", FieldType::kString},
    {"original_message", FieldType::kString},
    {"encoding", FieldType::kString},
    {"reason", FieldType::kString},
    {"column", FieldType::kString},
    {"code", FieldType::kInt32},
    {"code_name", FieldType::kString},
    {"source_id", FieldType::kString},
    {"topic", FieldType::kString},
    {"partition", FieldType::kInt32},
    {"generation", FieldType::kInt32},
    {"incarnation", FieldType::kInt32},
    {"offset", FieldType::kInt64},
    {"timestamp", FieldType::kString},
    {"key", FieldType::kString},
    {"key_encoding", FieldType::kString},
    {"time", FieldType::kString},
}};

Error Malformed(std::string detail) {
  return Error{Remedy::kDeadLetter, "dead_letter", std::move(detail)};
}

Result<RecordParser> MakeParser() {
  SourcePlan plan;
  for (const auto& [name, type] : kNames) {
    PlannedField field;
    field.name = std::string(name);
    field.type = type;
    field.physical = type == FieldType::kString ? PhysicalType::kString : PhysicalType::kInt64;
    field.optional = true;
    plan.fields.push_back(std::move(field));
  }
  return RecordParser::Make(plan);
}

// The members of one line.
class Members {
 public:
  explicit Members(std::span<const Cell> cells) : cells_(cells) {}

  std::string_view Text(Member member) const { return cells_[member].text; }

  template <typename T>
  Status Number(Member member, T& out) const {
    const Cell& cell = cells_[member];
    if (cell.presence != Presence::kValue) return Done{};
    if (!std::in_range<T>(cell.int64)) {
      return Malformed(fmt::format("{}: {} is out of range", kNames.at(member).first, cell.int64));
    }
    out = static_cast<T>(cell.int64);
    return Done{};
  }

  Status Bytes(Member member, Member encoding, std::string& out) const {
    const std::string_view how = Text(encoding);
    if (how.empty()) return out = Text(member), Done{};
    if (how != "base64") {
      return Malformed(fmt::format("{}: unknown encoding '{}'", kNames.at(member).first, how));
    }
    auto decoded = Base64Decode(Text(member));
    if (!decoded.ok()) return Malformed(std::move(decoded).error().detail);
    out = std::move(decoded).value();
    return Done{};
  }

  // "2024-03-15T10:22:31.123Z", as FormatTimeMs writes it.
  Status Time(Member member, std::int64_t& ms) const;

 private:
  std::span<const Cell> cells_;
};

Status Members::Time(Member member, std::int64_t& ms) const {
  const std::string_view text = Text(member);
  if (text.empty()) return Done{};
  constexpr std::string_view kForm = "0000-00-00T00:00:00.000Z";
  bool good = text.size() == kForm.size();
  for (std::size_t i = 0; good && i < kForm.size(); ++i) {
    good = kForm[i] == '0' ? text[i] >= '0' && text[i] <= '9' : text[i] == kForm[i];
  }
  const auto digits = [&](std::size_t at, std::size_t count) {
    int value = 0;
    for (std::size_t i = at; i < at + count; ++i) value = value * 10 + (text[i] - '0');
    return value;
  };
  if (!good) return Malformed(fmt::format("{}: '{}' is no time", kNames.at(member).first, text));
  using std::chrono::milliseconds;
  const std::chrono::year_month_day date(std::chrono::year(digits(0, 4)),
                                         std::chrono::month(static_cast<unsigned>(digits(5, 2))),
                                         std::chrono::day(static_cast<unsigned>(digits(8, 2))));
  if (!date.ok())
    return Malformed(fmt::format("{}: '{}' is no date", kNames.at(member).first, text));
  const milliseconds time = std::chrono::hours(digits(11, 2)) +
                            std::chrono::minutes(digits(14, 2)) +
                            std::chrono::seconds(digits(17, 2)) + milliseconds(digits(20, 3));
  ms = (std::chrono::sys_days(date) + time).time_since_epoch().count();
  return Done{};
}

Status ReadReason(std::string_view text, DeadLetterReason& reason) {
  for (std::size_t i = 0; i < kDeadLetterReasons; ++i) {
    reason = static_cast<DeadLetterReason>(i);
    if (text == ToText(reason)) return Done{};
  }
  return Malformed(fmt::format("unknown reason '{}'", text));
}

}  // namespace

Result<DeadLetter> ParseDeadLetter(std::string_view line) {
  // Listing is rare and short: making a parser for each line costs a few microseconds.
  PENSTOCK_ASSIGN_OR_RETURN(RecordParser parser, MakeParser());
  auto cells = parser.Parse(line);
  if (!cells.ok()) return Malformed(std::move(cells).error().detail);
  const Members members(cells.value());
  DeadLetter letter;
  letter.component = members.Text(kComponent);
  letter.error = members.Text(kError);
  letter.column = members.Text(kColumn);
  letter.code_name = members.Text(kCodeName);
  letter.origin.source_id = members.Text(kSourceId);
  letter.origin.topic = members.Text(kTopic);
  PENSTOCK_RETURN_IF_ERROR(ReadReason(members.Text(kReason), letter.reason));
  PENSTOCK_RETURN_IF_ERROR(members.Bytes(kOriginalMessage, kEncoding, letter.original_message));
  PENSTOCK_RETURN_IF_ERROR(members.Bytes(kKey, kKeyEncoding, letter.key));
  PENSTOCK_RETURN_IF_ERROR(members.Number(kCode, letter.code));
  PENSTOCK_RETURN_IF_ERROR(members.Number(kPartition, letter.origin.partition));
  PENSTOCK_RETURN_IF_ERROR(members.Number(kGeneration, letter.origin.generation));
  PENSTOCK_RETURN_IF_ERROR(members.Number(kIncarnation, letter.origin.incarnation));
  std::int64_t offset = letter.offset.rep();
  PENSTOCK_RETURN_IF_ERROR(members.Number(kOffset, offset));
  letter.offset = Offset(offset);
  PENSTOCK_RETURN_IF_ERROR(members.Time(kTimestamp, letter.timestamp_ms));
  PENSTOCK_RETURN_IF_ERROR(members.Time(kTime, letter.time_ms));
  return letter;
}

}  // namespace penstock::json
