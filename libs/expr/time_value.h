#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "expr/time_zone.h"

namespace penstock::expr {

/// A date and a time of day.
struct CivilTime {
  std::int64_t year = 1970;
  int month = 1;
  int day = 1;
  int hour = 0;
  int minute = 0;
  int second = 0;
};

/// Days since 1970-01-01 of the proleptic Gregorian calendar. Months and days out of range are
/// carried on, as are negative ones.
std::int64_t DaysOf(std::int64_t year, std::int64_t month, std::int64_t day);

/// A point in time as seen in a zone.
struct Time {
  std::int64_t seconds = 0;  ///< Since 1970 in UTC, rounded down.
  std::int32_t nanoseconds = 0;
  const Zone* zone = nullptr;  ///< Null: the fixed offset.
  std::int32_t fixed_offset = 0;
  /// Of the fixed offset; empty when it has none.
  std::array<char, 8> fixed_name = {'U', 'T', 'C'};

  /// What clocks in the zone show.
  CivilTime Civil() const;
  Offset OffsetHere() const;
  int Weekday() const;  ///< 0 is Sunday.
  int YearDay() const;  ///< From 1.

  Time Plus(std::int64_t ns) const;
  /// Nanoseconds, cut to what 64 bits hold.
  std::int64_t Minus(const Time& other) const;
  bool SameInstant(const Time& other) const {
    return seconds == other.seconds && nanoseconds == other.nanoseconds;
  }
  bool operator<(const Time& other) const {
    return seconds < other.seconds || (seconds == other.seconds && nanoseconds < other.nanoseconds);
  }

  /// Puts it into a zone, or at an offset under a name of at most 7 bytes.
  void SetZone(const Zone* to) { zone = to; }
  void SetOffset(std::int32_t offset, std::string_view name);

  /// The instant at which clocks in the zone show `civil`. Fields out of range are carried on.
  static Time Of(const CivilTime& civil, std::int32_t nanoseconds, const Zone* zone);
};

/// "2024-03-15 10:22:31.5 +0100 CET".
void AppendTime(std::string& out, const Time& time);
/// "1h30m0s", "250ms", "0s".
void AppendDuration(std::string& out, std::int64_t ns);
std::string_view MonthName(std::int64_t month);
std::string_view WeekdayName(std::int64_t day);

}  // namespace penstock::expr
