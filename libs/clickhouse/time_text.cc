#include "clickhouse/time_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "clickhouse/number_text.h"

namespace penstock::clickhouse {

namespace {

constexpr std::int64_t kDaySeconds = 86'400;
constexpr std::int64_t kNanos = 1'000'000'000;

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// A date and time as it is read; the offset is what the zone adds to UTC.
struct Fields {
  unsigned year = 0;
  unsigned month = 1;
  unsigned day = 1;
  unsigned hour = 0;
  unsigned minute = 0;
  unsigned second = 0;
  std::int32_t nanoseconds = 0;
  std::int64_t offset_seconds = 0;
};

constexpr std::array<unsigned, 12> kMonthDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

unsigned DaysOfMonth(unsigned year, unsigned month) {
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kMonthDays.at(month - 1);
}

bool ToInstant(const Fields& fields, Instant& instant) {
  if (fields.month < 1 || fields.month > 12 || fields.day < 1 ||
      fields.day > DaysOfMonth(fields.year, fields.month) || fields.hour > 23 ||
      fields.minute > 59 || fields.second > 59) {
    return false;
  }
  instant.seconds = DaysOfDate(fields.year, fields.month, fields.day) * kDaySeconds +
                    fields.hour * 3600 + fields.minute * 60 + fields.second - fields.offset_seconds;
  instant.nanoseconds = fields.nanoseconds;
  return true;
}

// Reads a text from the front; every step says whether it found what it wants.
class TimeReader {
 public:
  explicit TimeReader(std::string_view text) : text_(text) {}

  bool done() const { return text_.empty(); }
  bool Literal(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool Digits(std::size_t least, std::size_t most, unsigned& value) {
    std::size_t size = 0;
    value = 0;
    while (size < most && size < text_.size() && IsDigit(text_[size])) {
      value = value * 10 + static_cast<unsigned>(text_[size++] - '0');
    }
    text_.remove_prefix(size);
    return size >= least;
  }
  // "10:22:31" and its fraction; the hour may have one digit.
  bool Clock(Fields& fields) {
    return Digits(1, 2, fields.hour) && Literal(':') && Digits(2, 2, fields.minute) &&
           Literal(':') && Digits(2, 2, fields.second) && Fraction(fields.nanoseconds);
  }
  bool Fraction(std::int32_t& nanoseconds) {
    const bool has = text_.size() >= 2 && (text_[0] == '.' || text_[0] == ',') && IsDigit(text_[1]);
    if (!has) return true;
    text_.remove_prefix(1);
    std::int32_t unit = 100'000'000;
    nanoseconds = 0;
    for (; !text_.empty() && IsDigit(text_.front()); text_.remove_prefix(1), unit /= 10) {
      nanoseconds += (text_.front() - '0') * unit;
    }
    return true;
  }
  // "Z" or "+02:00"; `colon` false: "+0200".
  bool Offset(std::int64_t& seconds, bool colon) {
    if (colon && Literal('Z')) return true;
    const bool minus = !text_.empty() && text_.front() == '-';
    if (!minus && (text_.empty() || text_.front() != '+')) return false;
    text_.remove_prefix(1);
    unsigned hours = 0;
    unsigned minutes = 0;
    if (!Digits(2, 2, hours) || (colon && !Literal(':')) || !Digits(2, 2, minutes)) return false;
    if (hours > 24 || minutes > 59) return false;
    seconds = static_cast<std::int64_t>(hours) * 3600 + minutes * 60;
    if (minus) seconds = -seconds;
    return true;
  }
  // "UTC", "CEST", "GMT+3".
  bool Abbreviation(std::int64_t& seconds) {
    std::size_t size = 0;
    while (size < text_.size() && text_[size] >= 'A' && text_[size] <= 'Z') ++size;
    const bool gmt = text_.substr(0, size) == "GMT";
    if (size < 3 || size > 5) return false;
    text_.remove_prefix(size);
    if (!gmt || text_.empty() || (text_.front() != '+' && text_.front() != '-')) return true;
    const bool minus = text_.front() == '-';
    text_.remove_prefix(1);
    unsigned hours = 0;
    if (!Digits(1, 2, hours) || hours > 23) return false;
    seconds = static_cast<std::int64_t>(hours) * (minus ? -3600 : 3600);
    return true;
  }
  // The index of the name that comes next, of which `letters` count (0: all of them).
  template <std::size_t kCount>
  bool Name(const std::array<std::string_view, kCount>& names, std::size_t letters,
            unsigned& index) {
    for (index = 0; index < kCount; ++index) {
      const std::string_view name = names[index].substr(0, letters == 0 ? 9 : letters);
      const bool same = text_.size() >= name.size() &&
                        std::equal(name.begin(), name.end(), text_.begin(),
                                   [](char a, char b) { return Lower(a) == Lower(b); });
      if (!same) continue;
      text_.remove_prefix(name.size());
      return true;
    }
    return false;
  }
  void Blanks() {
    while (Literal(' ')) {
    }
  }

 private:
  std::string_view text_;
};

constexpr std::array<std::string_view, 12> kMonths = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> kWeekdays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};

// The reference's layouts that do not start with a year, a letter for each part: w W weekday
// (short, long; not checked against the date), b month's name, m d two digits, e one or two,
// _ blank-padded day, Y y year, t time with seconds, h hours and minutes, Z abbreviation,
// z +0200. Any other character is itself.
constexpr std::array<std::string_view, 13> kLayouts = {
    "w, d b Y t Z",  // RFC 1123
    "w, d b Y t z",  //
    "d b y h Z",     // RFC 822
    "d b y h z",     //
    "W, d-b-y t Z",  // RFC 850
    "w b _ t Y",     // asctime
    "m/d/Y",         // Of two readings of one text the first that exists counts.
    "d/m/Y",         //
    "d.m.Y",         //
    "m.d.Y",         //
    "Y/m/d",         //
    "b e, Y",        //
    "e b Y",
};

bool ReadPart(char part, TimeReader& reader, Fields& fields) {
  unsigned ignored = 0;
  switch (part) {
    case 'w':
      return reader.Name(kWeekdays, 3, ignored);
    case 'W':
      return reader.Name(kWeekdays, 0, ignored);
    case 'b': {
      const bool found = reader.Name(kMonths, 3, fields.month);
      ++fields.month;
      return found;
    }
    case 'm':
      return reader.Digits(2, 2, fields.month);
    case 'd':
      return reader.Digits(2, 2, fields.day);
    case '_':
      reader.Blanks();
      return reader.Digits(1, 2, fields.day);
    case 'e':
      return reader.Digits(1, 2, fields.day);
    case 'Y':
      return reader.Digits(4, 4, fields.year);
    case 'y': {
      const bool found = reader.Digits(2, 2, fields.year);
      fields.year += fields.year >= 69 ? 1900 : 2000;
      return found;
    }
    case 't':
      return reader.Clock(fields);
    case 'h':
      return reader.Digits(1, 2, fields.hour) && reader.Literal(':') &&
             reader.Digits(2, 2, fields.minute);
    case 'Z':
      return reader.Abbreviation(fields.offset_seconds);
    case 'z':
      return reader.Offset(fields.offset_seconds, false);
    default:
      return reader.Literal(part);
  }
}

bool ReadLayout(std::string_view layout, std::string_view text, Instant& instant) {
  TimeReader reader(text);
  Fields fields;
  for (const char part : layout) {
    if (!ReadPart(part, reader, fields)) return false;
  }
  return reader.done() && ToInstant(fields, instant);
}

bool ReadRfc3339(std::string_view text, Instant& instant) {
  TimeReader reader(text);
  Fields fields;
  const bool date = reader.Digits(4, 4, fields.year) && reader.Literal('-') &&
                    reader.Digits(2, 2, fields.month) && reader.Literal('-') &&
                    reader.Digits(2, 2, fields.day);
  if (!date) return false;
  if (!reader.done()) {
    if (!reader.Literal('T') && !reader.Literal(' ')) return false;
    if (!reader.Clock(fields)) return false;
    if (!reader.done() && !reader.Offset(fields.offset_seconds, true)) return false;
  }
  return reader.done() && ToInstant(fields, instant);
}

// Two digits at `at`; anything else gives 100 or more.
unsigned TwoDigits(const char* at) {
  const auto tens = static_cast<unsigned char>(at[0] - '0');
  const auto ones = static_cast<unsigned char>(at[1] - '0');
  return tens > 9 || ones > 9 ? 100 : tens * 10U + ones;
}

// The usual form at full speed: 2024-03-15T10:22:31, a fraction of up to 9 digits, Z or nothing.
bool ReadUsual(std::string_view text, Instant& instant) {
  if (text.size() < 19) return false;
  const char* const at = text.data();
  const bool shape = at[4] == '-' && at[7] == '-' && (at[10] == 'T' || at[10] == ' ') &&
                     at[13] == ':' && at[16] == ':';
  const unsigned century = TwoDigits(at);
  const unsigned years = TwoDigits(at + 2);
  if (!shape || century > 99 || years > 99) return false;
  Fields fields;
  fields.year = century * 100 + years;
  fields.month = TwoDigits(at + 5);
  fields.day = TwoDigits(at + 8);
  fields.hour = TwoDigits(at + 11);
  fields.minute = TwoDigits(at + 14);
  fields.second = TwoDigits(at + 17);
  std::string_view rest = text.substr(19);
  if (rest.ends_with('Z')) rest.remove_suffix(1);
  if (!rest.empty()) {
    if (rest.front() != '.' || rest.size() < 2 || rest.size() > 10) return false;
    std::int32_t unit = 100'000'000;
    for (const char c : rest.substr(1)) {
      if (!IsDigit(c)) return false;
      fields.nanoseconds += (c - '0') * unit;
      unit /= 10;
    }
  }
  return ToInstant(fields, instant);
}

// `value` of a unit that `per_second` are in a second.
void FromUnits(std::int64_t value, std::int64_t per_second, Instant& instant) {
  std::int64_t seconds = value / per_second;
  std::int64_t rest = value % per_second;
  if (rest < 0) {
    rest += per_second;
    --seconds;
  }
  instant = {seconds, static_cast<std::int32_t>(rest * (kNanos / per_second))};
}

// The same span or moment on the other side of zero.
void Negate(Instant& instant) {
  instant.seconds = -instant.seconds;
  if (instant.nanoseconds == 0) return;
  --instant.seconds;
  instant.nanoseconds = static_cast<std::int32_t>(kNanos) - instant.nanoseconds;
}

// No type of time holds more than 19 digits, and so many fit the buffer.
using DoubleDigits = std::array<char, 400>;
std::optional<std::string_view> DigitsOf(double value, DoubleDigits& digits) {
  if (!(std::abs(value) < 1e19)) return std::nullopt;
  const auto [end, error] =
      std::to_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::fixed);
  if (error != std::errc()) return std::nullopt;
  return std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

// Magnitudes from which a number counts as milli-, micro- and nanoseconds. As seconds 1e11 is
// the year 5138, as milliseconds 1973.
constexpr std::uint64_t kMillisFrom = 100'000'000'000;
constexpr std::uint64_t kMicrosFrom = 100'000'000'000'000;
constexpr std::uint64_t kNanosFrom = 100'000'000'000'000'000;

std::int64_t UnitsPerSecond(std::uint64_t magnitude) {
  if (magnitude < kMillisFrom) return 1;
  if (magnitude < kMicrosFrom) return 1'000;
  return magnitude < kNanosFrom ? 1'000'000 : kNanos;
}

}  // namespace

std::int64_t DaysOfDate(std::int64_t year, unsigned month, unsigned day) {
  // Years start in March here, so that a leap day is a year's last day.
  if (month <= 2) --year;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const auto year_of_era = static_cast<unsigned>(year - era * 400);
  const unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + static_cast<std::int64_t>(day_of_era) - 719'468;
}

FaultKind ParseTime(std::string_view text, Instant& instant) {
  if (ReadUsual(text, instant) || ReadRfc3339(text, instant)) return FaultKind::kNone;
  for (const std::string_view layout : kLayouts) {
    if (ReadLayout(layout, text, instant)) return FaultKind::kNone;
  }
  return FaultKind::kNotParsed;
}

FaultKind TimeFromInteger(std::int64_t value, Instant& instant) {
  const auto bits = static_cast<std::uint64_t>(value);
  FromUnits(value, UnitsPerSecond(value < 0 ? 0 - bits : bits), instant);
  return FaultKind::kNone;
}

FaultKind TimeFromMilliseconds(std::int64_t value, Instant& instant) {
  FromUnits(value, 1'000, instant);
  return FaultKind::kNone;
}

FaultKind TimeFromDouble(double value, Instant& instant) {
  DoubleDigits buffer;
  const auto digits = DigitsOf(value, buffer);
  return digits ? TimeFromDecimal(*digits, instant) : FaultKind::kOutOfRange;
}

FaultKind TimeFromDecimal(std::string_view number, Instant& instant) {
  FixedDecimal value;
  if (const FaultKind fault = ParseFixed(number, value); fault != FaultKind::kNone) return fault;
  if (!std::in_range<std::int64_t>(value.whole)) return FaultKind::kOutOfRange;
  const std::int64_t per_second = UnitsPerSecond(value.whole);
  FromUnits(static_cast<std::int64_t>(value.whole), per_second, instant);
  instant.nanoseconds += static_cast<std::int32_t>(value.billionths / per_second);
  if (value.negative) Negate(instant);
  return FaultKind::kNone;
}

FaultKind ParseClock(std::string_view text, Instant& span) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  TimeReader reader(text);
  unsigned hours = 0;
  unsigned minutes = 0;
  unsigned seconds = 0;
  span = {};
  const bool good = reader.Digits(1, 3, hours) && reader.Literal(':') &&
                    reader.Digits(2, 2, minutes) && reader.Literal(':') &&
                    reader.Digits(2, 2, seconds) && reader.Fraction(span.nanoseconds) &&
                    reader.done() && minutes < 60 && seconds < 60;
  if (!good) return FaultKind::kNotParsed;
  span.seconds = static_cast<std::int64_t>(hours) * 3600 + minutes * 60 + seconds;
  if (negative) Negate(span);
  return FaultKind::kNone;
}

FaultKind SecondsFromDecimal(std::string_view number, Instant& span) {
  FixedDecimal value;
  if (const FaultKind fault = ParseFixed(number, value); fault != FaultKind::kNone) return fault;
  if (!std::in_range<std::int64_t>(value.whole)) return FaultKind::kOutOfRange;
  span = {static_cast<std::int64_t>(value.whole), static_cast<std::int32_t>(value.billionths)};
  if (value.negative) Negate(span);
  return FaultKind::kNone;
}

FaultKind SecondsFromDouble(double value, Instant& span) {
  DoubleDigits buffer;
  const auto digits = DigitsOf(value, buffer);
  return digits ? SecondsFromDecimal(*digits, span) : FaultKind::kOutOfRange;
}

}  // namespace penstock::clickhouse
