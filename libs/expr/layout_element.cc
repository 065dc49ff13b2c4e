#include "expr/layout_element.h"

#include <array>
#include <cstdint>
#include <iterator>

namespace penstock::expr {

namespace {

struct Form {
  std::string_view text;
  Element element;
  int parts = 0;
  bool colons = false;
};

// Longer ones before their beginnings.
constexpr Form kForms[] = {
    {"January", Element::kLongMonth},
    {"Jan", Element::kMonth},
    {"Monday", Element::kLongWeekday},
    {"Mon", Element::kWeekday},
    {"MST", Element::kAbbreviation},
    {"002", Element::kZeroYearDay},
    {"01", Element::kZeroMonth},
    {"02", Element::kZeroDay},
    {"03", Element::kZeroHour12},
    {"04", Element::kZeroMinute},
    {"05", Element::kZeroSecond},
    {"06", Element::kYear},
    {"15", Element::kHour},
    {"1", Element::kMonthNumber},
    {"2006", Element::kLongYear},
    {"2", Element::kDay},
    {"__2", Element::kPaddedYearDay},
    {"_2", Element::kPaddedDay},
    {"3", Element::kHour12},
    {"4", Element::kMinute},
    {"5", Element::kSecond},
    {"PM", Element::kUpperHalf},
    {"pm", Element::kLowerHalf},
    {"-070000", Element::kOffset, 3, false},
    {"-07:00:00", Element::kOffset, 3, true},
    {"-0700", Element::kOffset, 2, false},
    {"-07:00", Element::kOffset, 2, true},
    {"-07", Element::kOffset, 1, false},
    {"Z070000", Element::kOffset, 3, false},
    {"Z07:00:00", Element::kOffset, 3, true},
    {"Z0700", Element::kOffset, 2, false},
    {"Z07:00", Element::kOffset, 2, true},
    {"Z07", Element::kOffset, 1, false},
};

bool IsDigitAt(std::string_view text, std::size_t at) {
  return at < text.size() && text[at] >= '0' && text[at] <= '9';
}

// ".000" and ".999", which no further digit may follow; 0 when there is none at `at`.
std::size_t FractionAt(std::string_view layout, std::size_t at) {
  if (layout[at] != '.' && layout[at] != ',') return 0;
  const char digit = at + 1 < layout.size() ? layout[at + 1] : '\0';
  if (digit != '0' && digit != '9') return 0;
  std::size_t end = at + 1;
  while (end < layout.size() && layout[end] == digit) ++end;
  return IsDigitAt(layout, end) ? 0 : end - at;
}

// Where the forms that begin with a character stand in the list; they stand together.
constexpr std::array<std::uint8_t, 256> MakeFirstForms() {
  std::array<std::uint8_t, 256> first{};
  for (std::uint8_t& index : first) index = std::size(kForms);
  for (std::size_t i = std::size(kForms); i-- > 0;) {
    first[static_cast<unsigned char>(kForms[i].text[0])] = static_cast<std::uint8_t>(i);
  }
  return first;
}
constexpr std::array<std::uint8_t, 256> kFirstForms = MakeFirstForms();

const Form* FormAt(std::string_view rest) {
  const char begin = rest[0];
  for (std::size_t i = kFirstForms[static_cast<unsigned char>(begin)];
       i < std::size(kForms) && kForms[i].text[0] == begin; ++i) {
    const Form& form = kForms[i];
    if (!rest.starts_with(form.text)) continue;
    // "Monk" is no weekday.
    const bool name = form.element == Element::kMonth || form.element == Element::kWeekday;
    const char next = rest.size() > form.text.size() ? rest[form.text.size()] : '\0';
    if (name && next >= 'a' && next <= 'z') continue;
    // "_2006" is a year behind an underscore.
    if (form.element == Element::kPaddedDay && rest.starts_with("_2006")) continue;
    return &form;
  }
  return nullptr;
}

}  // namespace

LayoutElement NextElement(std::string_view layout) {
  for (std::size_t at = 0; at < layout.size(); ++at) {
    LayoutElement found;
    found.before = layout.substr(0, at);
    if (const std::size_t length = FractionAt(layout, at); length > 0) {
      found.element = layout[at + 1] == '0' ? Element::kFraction : Element::kShortFraction;
      found.text = layout.substr(at, length);
      found.after = layout.substr(at + length);
      return found;
    }
    if (const Form* form = FormAt(layout.substr(at))) {
      found.element = form->element;
      found.text = form->text;
      found.after = layout.substr(at + form->text.size());
      found.z_for_utc = form->text[0] == 'Z';
      found.colons = form->colons;
      found.parts = form->parts;
      return found;
    }
  }
  LayoutElement rest;
  rest.before = layout;
  return rest;
}

}  // namespace penstock::expr
