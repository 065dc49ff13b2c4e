#pragma once

#include <cstdint>
#include <string_view>

#include "clickhouse/fault.h"

namespace penstock::clickhouse {

/// A point in time: seconds since 1970 in UTC, rounded down, and what is left, in nanoseconds.
struct Instant {
  std::int64_t seconds = 0;
  std::int32_t nanoseconds = 0;

  friend bool operator==(const Instant&, const Instant&) = default;
};

/// A date, or a date and time. Known forms: RFC 3339 (also with a blank for the T, and without a
/// zone); 2024/03/15; 03/15/2024, else 15/03/2024; 15.03.2024, else 03.15.2024; Mar 15, 2024;
/// 15 Mar 2024; RFC 1123, RFC 822 (both also with a numeric zone), RFC 850, and C's asctime. No
/// zone means UTC; a zone's abbreviation other than "GMT+3" counts as UTC too, as in the
/// reference. Seconds may have a fraction of any length; digits beyond nanoseconds are cut.
/// kNotParsed for anything else, and for days and hours that do not exist.
FaultKind ParseTime(std::string_view text, Instant& instant);

/// A number of seconds, or, from 1e11 on, of milliseconds (microseconds from 1e14,
/// nanoseconds from 1e17): which one the magnitude says. kNone always.
FaultKind TimeFromInteger(std::int64_t value, Instant& instant);
/// The same for a number as text, digit by digit: fractions are exact.
FaultKind TimeFromDecimal(std::string_view number, Instant& instant);
FaultKind TimeFromDouble(double value, Instant& instant);
FaultKind TimeFromMilliseconds(std::int64_t value, Instant& instant);

/// A time of day or a span, "[-]hours:minutes:seconds" with up to three digits for the hours and a
/// fraction or none, as seconds. Below zero the nanoseconds still count upwards.
FaultKind ParseClock(std::string_view text, Instant& span);
/// A number of seconds, digit by digit; what is beyond nanoseconds is cut.
FaultKind SecondsFromDecimal(std::string_view number, Instant& span);
FaultKind SecondsFromDouble(double value, Instant& span);

/// Days since 1970-01-01, of the proleptic Gregorian calendar.
std::int64_t DaysOfDate(std::int64_t year, unsigned month, unsigned day);

}  // namespace penstock::clickhouse
