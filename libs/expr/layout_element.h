#pragma once

#include <string_view>

namespace penstock::expr {

/// What an element of a layout stands for.
enum class Element {
  kNone,
  kLongMonth,      ///< January
  kMonth,          ///< Jan
  kMonthNumber,    ///< 1
  kZeroMonth,      ///< 01
  kLongWeekday,    ///< Monday
  kWeekday,        ///< Mon
  kDay,            ///< 2
  kPaddedDay,      ///< _2
  kZeroDay,        ///< 02
  kPaddedYearDay,  ///< __2
  kZeroYearDay,    ///< 002
  kHour,           ///< 15
  kHour12,         ///< 3
  kZeroHour12,     ///< 03
  kMinute,         ///< 4
  kZeroMinute,     ///< 04
  kSecond,         ///< 5
  kZeroSecond,     ///< 05
  kLongYear,       ///< 2006
  kYear,           ///< 06
  kUpperHalf,      ///< PM
  kLowerHalf,      ///< pm
  kAbbreviation,   ///< MST
  kOffset,         ///< -0700 and its kin, see LayoutElement
  kFraction,       ///< .000
  kShortFraction,  ///< .999: without trailing zeros
};

/// The next element of a layout and the text around it.
struct LayoutElement {
  Element element = Element::kNone;
  std::string_view before;  ///< Plain text.
  std::string_view text;    ///< The element itself.
  std::string_view after;   ///< The rest of the layout.

  // Of kOffset.
  bool z_for_utc = false;
  bool colons = false;
  int parts = 0;  ///< 1 hours, 2 and minutes, 3 and seconds
};
LayoutElement NextElement(std::string_view layout);

}  // namespace penstock::expr
