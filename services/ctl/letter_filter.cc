#include "ctl/letter_filter.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "base/format.h"
#include "base/text.h"
#include "config/time_text.h"
#include "ctl/dead_letters.h"

namespace penstock::ctl {

namespace {

/// What a condition can be about: a text or a number of the letter.
struct Field {
  std::string_view name;
  std::string (*text)(const DeadLetter&) = nullptr;
  std::int64_t (*number)(const DeadLetter&) = nullptr;
  bool is_time = false;
};

constexpr std::array kFields = {
    Field{"code", nullptr, [](const DeadLetter& l) { return std::int64_t{l.code}; }},
    Field{"code_name", [](const DeadLetter& l) { return l.code_name; }},
    Field{"reason", [](const DeadLetter& l) { return std::string(ToText(l.reason)); }},
    Field{"stage", [](const DeadLetter& l) { return l.component; }},
    Field{"column", [](const DeadLetter& l) { return l.column; }},
    Field{"source", [](const DeadLetter& l) { return std::string(SourceOf(l.origin)); }},
    Field{"topic", TopicOf},
    Field{"partition", nullptr,
          [](const DeadLetter& l) { return std::int64_t{l.origin.partition}; }},
    Field{"offset", nullptr, [](const DeadLetter& l) { return l.offset.rep(); }},
    Field{"key", [](const DeadLetter& l) { return l.key; }},
    Field{"error", [](const DeadLetter& l) { return l.error; }},
    Field{"time", nullptr, [](const DeadLetter& l) { return l.time_ms; }, true},
};

Error Wrong(std::string detail) {
  return {Remedy::kStop, "usage", std::move(detail)};
}

std::optional<std::int64_t> Number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// A time, or "-1h": so long ago.
std::optional<std::int64_t> Time(std::string_view text, std::int64_t now_ms) {
  if (text.starts_with('-')) {
    const auto ago = ParseDuration(text.substr(1));
    if (!ago.ok()) return std::nullopt;
    return now_ms - std::chrono::duration_cast<std::chrono::milliseconds>(ago.value()).count();
  }
  return config::ParseTimeMs(text);
}

}  // namespace

std::string LetterFilter::FieldNames() {
  std::string names;
  for (const Field& field : kFields)
    names += fmt::format("{}{}", names.empty() ? "" : ", ", field.name);
  return names;
}

Status LetterFilter::Add(std::string_view condition, std::int64_t now_ms) {
  // The longer ones first.
  constexpr std::array<std::pair<std::string_view, Operator>, 7> kOperators = {
      {{"!=", Operator::kUnequal},
       {"<=", Operator::kAtMost},
       {">=", Operator::kAtLeast},
       {"=", Operator::kEqual},
       {"<", Operator::kLess},
       {">", Operator::kMore},
       {"~", Operator::kHas}}};
  const std::size_t at = condition.find_first_of("!<>=~");
  const std::string_view name = condition.substr(0, at);
  const auto field = std::ranges::find(kFields, name, &Field::name);
  if (field == kFields.end()) {
    return Wrong(
        fmt::format("\"{}\" names no field: one of {}, as in code=469", condition, FieldNames()));
  }
  const std::string_view rest = condition.substr(std::min(at, condition.size()));
  const auto op = std::ranges::find_if(
      kOperators, [&](const auto& known) { return rest.starts_with(known.first); });
  if (op == kOperators.end()) {
    return Wrong(fmt::format("\"{}\" compares nothing: FIELD=VALUE, or one of != < <= > >= ~ (has)",
                             condition));
  }
  Condition added{.field = static_cast<std::size_t>(field - kFields.begin()),
                  .op = op->second,
                  .text = std::string(rest.substr(op->first.size())),
                  .number = 0};
  if (field->number != nullptr) {
    const auto number = field->is_time ? Time(added.text, now_ms) : Number(added.text);
    if (!number || added.op == Operator::kHas) {
      return Wrong(fmt::format("\"{}\": {} takes {}", condition, name,
                               field->is_time
                                   ? "a time as 2024-03-15T10:22:31Z, or -1h for an hour ago"
                                   : "a whole number"));
    }
    added.number = *number;
  }
  conditions_.push_back(std::move(added));
  return Done{};
}

bool LetterFilter::Matches(const DeadLetter& letter) const {
  return std::ranges::all_of(conditions_,
                             [&](const Condition& condition) { return Holds(condition, letter); });
}

bool LetterFilter::Holds(const Condition& condition, const DeadLetter& letter) {
  const Field& field = kFields.at(condition.field);
  std::strong_ordering order = std::strong_ordering::equal;
  if (field.number != nullptr) {
    order = field.number(letter) <=> condition.number;
  } else {
    const std::string text = field.text(letter);
    if (condition.op == Operator::kHas) return text.find(condition.text) != std::string::npos;
    order = text <=> condition.text;
  }
  switch (condition.op) {
    case Operator::kEqual:
    case Operator::kHas:
      return order == 0;
    case Operator::kUnequal:
      return order != 0;
    case Operator::kLess:
      return order < 0;
    case Operator::kAtMost:
      return order <= 0;
    case Operator::kMore:
      return order > 0;
    case Operator::kAtLeast:
      return order >= 0;
  }
  return false;
}

}  // namespace penstock::ctl
