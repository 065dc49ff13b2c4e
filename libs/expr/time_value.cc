#include "expr/time_value.h"

#include <algorithm>
#include <array>
#include <limits>

#include "expr/number_text.h"
#include "expr/time_layout.h"

namespace penstock::expr {

namespace {

constexpr std::int64_t kDaySeconds = 86400;
constexpr std::int64_t kSecondNs = 1'000'000'000;

std::int64_t FloorDivide(std::int64_t value, std::int64_t by) {
  const std::int64_t quotient = value / by;
  return quotient - (value % by < 0 ? 1 : 0);
}

std::int64_t LocalSeconds(const Time& time) {
  return time.seconds + time.OffsetHere().seconds;
}

}  // namespace

// Years of 365 days from 0 March on, with the leap days of 4, 100 and 400 years.
std::int64_t DaysOf(std::int64_t year, std::int64_t month, std::int64_t day) {
  year += FloorDivide(month - 1, 12);
  month = (month - 1) - FloorDivide(month - 1, 12) * 12 + 1;
  if (month <= 2) --year;
  const std::int64_t era = FloorDivide(year, 400);
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const std::int64_t day_of_era =
      year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

CivilTime Time::Civil() const {
  const std::int64_t local = LocalSeconds(*this);
  const std::int64_t days = FloorDivide(local, kDaySeconds);
  const auto second_of_day = static_cast<int>(local - days * kDaySeconds);
  const std::int64_t shifted = days + 719468;
  const std::int64_t era = FloorDivide(shifted, 146097);
  const std::int64_t day_of_era = shifted - era * 146097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month = (5 * day_of_year + 2) / 153;
  CivilTime civil;
  civil.day = static_cast<int>(day_of_year - (153 * month + 2) / 5 + 1);
  civil.month = static_cast<int>(month < 10 ? month + 3 : month - 9);
  civil.year = year_of_era + era * 400 + (civil.month <= 2 ? 1 : 0);
  civil.hour = second_of_day / 3600;
  civil.minute = second_of_day / 60 % 60;
  civil.second = second_of_day % 60;
  return civil;
}

Offset Time::OffsetHere() const {
  if (zone != nullptr) return zone->At(seconds);
  return {fixed_offset, fixed_name.data(), false};
}

void Time::SetOffset(std::int32_t offset, std::string_view name) {
  zone = nullptr;
  fixed_offset = offset;
  fixed_name = {};
  std::copy_n(name.begin(), std::min(name.size(), fixed_name.size() - 1), fixed_name.begin());
}

int Time::Weekday() const {
  // 1970-01-01 was a Thursday.
  const std::int64_t day = FloorDivide(LocalSeconds(*this), kDaySeconds) + 4;
  return static_cast<int>(day - FloorDivide(day, 7) * 7);
}

int Time::YearDay() const {
  const CivilTime civil = Civil();
  return static_cast<int>(DaysOf(civil.year, civil.month, civil.day) - DaysOf(civil.year, 1, 1)) +
         1;
}

Time Time::Plus(std::int64_t ns) const {
  const std::int64_t whole = FloorDivide(ns, kSecondNs);
  Time sum = *this;
  sum.nanoseconds += static_cast<std::int32_t>(ns - whole * kSecondNs);
  const std::int64_t carried = sum.nanoseconds >= kSecondNs ? 1 : 0;
  if (carried != 0) sum.nanoseconds -= static_cast<std::int32_t>(kSecondNs);
  sum.seconds = static_cast<std::int64_t>(static_cast<std::uint64_t>(seconds) +
                                          static_cast<std::uint64_t>(whole + carried));
  return sum;
}

std::int64_t Time::Minus(const Time& other) const {
  __extension__ using Exact = __int128;
  const Exact ns =
      (static_cast<Exact>(seconds) - other.seconds) * kSecondNs + (nanoseconds - other.nanoseconds);
  using Limits = std::numeric_limits<std::int64_t>;
  if (ns > Limits::max()) return Limits::max();
  if (ns < Limits::min()) return Limits::min();
  return static_cast<std::int64_t>(ns);
}

Time Time::Of(const CivilTime& civil, std::int32_t nanoseconds, const Zone* zone) {
  Time time;
  const std::int64_t local = DaysOf(civil.year, civil.month, civil.day) * kDaySeconds +
                             std::int64_t{civil.hour} * 3600 + std::int64_t{civil.minute} * 60 +
                             civil.second;
  time.seconds = zone == nullptr ? local : zone->ToUtc(local);
  time.nanoseconds = nanoseconds;
  time.zone = zone;
  return time;
}

void AppendTime(std::string& out, const Time& time) {
  AppendLayout(out, time, "2006-01-02 15:04:05.999999999 -0700 MST");
}

void AppendDuration(std::string& out, std::int64_t ns) {
  if (ns == 0) {
    out += "0s";
    return;
  }
  auto left = static_cast<std::uint64_t>(ns);
  if (ns < 0) {
    out += '-';
    left = 0 - left;
  }
  // A unit's digits before and behind the point, without trailing zeros.
  const auto append = [&out](std::uint64_t value, std::uint64_t unit, std::string_view name) {
    AppendInteger(out, static_cast<std::int64_t>(value / unit));
    std::string fraction = std::to_string(unit + value % unit).substr(1);
    while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
    if (!fraction.empty()) out.append(".").append(fraction);
    out += name;
  };
  if (left < 1000) return append(left, 1, "ns");
  if (left < 1'000'000) return append(left, 1000, "µs");
  if (left < 1'000'000'000) return append(left, 1'000'000, "ms");
  constexpr std::uint64_t kMinute = 60'000'000'000;
  const std::uint64_t minutes = left / kMinute;
  if (minutes >= 60) {
    AppendInteger(out, static_cast<std::int64_t>(minutes / 60));
    out += 'h';
  }
  if (minutes > 0) {
    AppendInteger(out, static_cast<std::int64_t>(minutes % 60));
    out += 'm';
  }
  append(left % kMinute, 1'000'000'000, "s");
}

std::string_view MonthName(std::int64_t month) {
  constexpr std::array<std::string_view, 12> kNames = {
      "January", "February", "March",     "April",   "May",      "June",
      "July",    "August",   "September", "October", "November", "December"};
  return month >= 1 && month <= 12 ? kNames[static_cast<std::size_t>(month - 1)] : "";
}

std::string_view WeekdayName(std::int64_t day) {
  constexpr std::array<std::string_view, 7> kNames = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                      "Thursday", "Friday", "Saturday"};
  return day >= 0 && day < 7 ? kNames[static_cast<std::size_t>(day)] : "";
}

}  // namespace penstock::expr
