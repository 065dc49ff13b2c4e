#include <array>
#include <limits>

#include "expr/layout_element.h"
#include "expr/number_text.h"
#include "expr/time_layout.h"

namespace penstock::expr {

namespace {

bool IsDigitAt(std::string_view text, std::size_t at) {
  return at < text.size() && text[at] >= '0' && text[at] <= '9';
}

std::string_view WithoutSpaces(std::string_view text) {
  while (!text.empty() && text[0] == ' ') text.remove_prefix(1);
  return text;
}

// Reads what each element stands for. Every step is false when the text does not fit.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool Read(std::string_view layout) {
    for (;;) {
      const LayoutElement element = NextElement(layout);
      if (!Plain(element.before)) return false;
      if (element.element == Element::kNone) return text_.empty() && Complete();
      if (!Value(element)) return false;
      layout = element.after;
    }
  }

  std::optional<Time> Result(const Zone* zone) const {
    if (utc_) return Time::Of(civil_, nanoseconds_, nullptr);
    if (offset_) {
      Time time = Time::Of(civil_, nanoseconds_, nullptr);
      time.seconds -= *offset_;
      const Offset here = zone == nullptr ? Offset{} : zone->At(time.seconds);
      if (here.seconds == *offset_ &&
          (abbreviation_.empty() || here.abbreviation == abbreviation_)) {
        time.SetZone(zone);
      } else {
        time.SetOffset(*offset_, abbreviation_);
      }
      return time;
    }
    if (abbreviation_.empty()) return Time::Of(civil_, nanoseconds_, zone);
    return ByAbbreviation(zone);
  }

 private:
  // Where the zone uses that abbreviation at about that time, it is meant. "GMT+3" says it all;
  // any other one counts as UTC and keeps its name.
  Time ByAbbreviation(const Zone* zone) const {
    Time time = Time::Of(civil_, nanoseconds_, zone);
    if (time.OffsetHere().abbreviation == abbreviation_) return time;
    std::int32_t offset = 0;
    if (abbreviation_.size() > 3 && abbreviation_.starts_with("GMT")) {
      offset =
          static_cast<std::int32_t>(ParseInteger(abbreviation_.substr(3), 10).value_or(0)) * 3600;
    }
    time = Time::Of(civil_, nanoseconds_, nullptr);
    time.seconds -= offset;
    time.SetOffset(offset, abbreviation_);
    return time;
  }

  bool Plain(std::string_view before) {
    while (!before.empty()) {
      if (before[0] == ' ') {
        if (!text_.empty() && text_[0] != ' ') return false;
        before = WithoutSpaces(before);
        text_ = WithoutSpaces(text_);
        continue;
      }
      if (text_.empty() || text_[0] != before[0]) return false;
      before.remove_prefix(1);
      text_.remove_prefix(1);
    }
    return true;
  }

  bool Value(const LayoutElement& element) {
    switch (element.element) {
      case Element::kYear:
        if (!Number(2, 2, civil_.year)) return false;
        civil_.year += civil_.year >= 69 ? 1900 : 2000;
        return true;
      case Element::kLongYear:
        return Number(4, 4, civil_.year);
      case Element::kMonth:
        return Name(12, MonthName, 1, 3, month_);
      case Element::kLongMonth:
        return Name(12, MonthName, 1, 0, month_);
      case Element::kMonthNumber:
        return Number(1, 2, month_) && month_ >= 1 && month_ <= 12;
      case Element::kZeroMonth:
        return Number(2, 2, month_) && month_ >= 1 && month_ <= 12;
      case Element::kWeekday:
        return Name(7, WeekdayName, 0, 3, ignored_);
      case Element::kLongWeekday:
        return Name(7, WeekdayName, 0, 0, ignored_);
      case Element::kPaddedDay:
        if (!text_.empty() && text_[0] == ' ') text_.remove_prefix(1);
        return Number(1, 2, day_);
      case Element::kDay:
        return Number(1, 2, day_);
      case Element::kZeroDay:
        return Number(2, 2, day_);
      case Element::kPaddedYearDay:
        for (int i = 0; i < 2 && !text_.empty() && text_[0] == ' '; ++i) text_.remove_prefix(1);
        return Number(1, 3, year_day_);
      case Element::kZeroYearDay:
        return Number(3, 3, year_day_);
      default:
        return TimeOfDay(element);
    }
  }

  bool TimeOfDay(const LayoutElement& element) {
    switch (element.element) {
      case Element::kHour:
        return Number(1, 2, civil_.hour) && civil_.hour < 24;
      case Element::kHour12:
        return Number(1, 2, civil_.hour) && civil_.hour <= 12;
      case Element::kZeroHour12:
        return Number(2, 2, civil_.hour) && civil_.hour <= 12;
      case Element::kMinute:
        return Number(1, 2, civil_.minute) && civil_.minute < 60;
      case Element::kZeroMinute:
        return Number(2, 2, civil_.minute) && civil_.minute < 60;
      case Element::kSecond:
        return Number(1, 2, civil_.second) && civil_.second < 60 && UnnamedFraction(element);
      case Element::kZeroSecond:
        return Number(2, 2, civil_.second) && civil_.second < 60 && UnnamedFraction(element);
      case Element::kUpperHalf:
        return Half("PM", "AM");
      case Element::kLowerHalf:
        return Half("pm", "am");
      case Element::kAbbreviation:
        return Abbreviation();
      case Element::kOffset:
        return OffsetValue(element);
      case Element::kFraction:
        return text_.size() >= element.text.size() && Fraction(element.text.size());
      default:
        return !AtFraction() || Fraction(FractionLength());
    }
  }

  bool AtFraction() const {
    return text_.size() >= 2 && (text_[0] == '.' || text_[0] == ',') && IsDigitAt(text_, 1);
  }
  std::size_t FractionLength() const {
    std::size_t length = 1;
    while (IsDigitAt(text_, length)) ++length;
    return length;
  }
  // Seconds may have a fraction though the layout has none.
  bool UnnamedFraction(const LayoutElement& element) {
    if (!AtFraction()) return true;
    const Element next = NextElement(element.after).element;
    if (next == Element::kFraction || next == Element::kShortFraction) return true;
    return Fraction(FractionLength());
  }
  bool Fraction(std::size_t length) {
    if (text_[0] != '.' && text_[0] != ',') return false;
    nanoseconds_ = 0;
    for (std::size_t i = 1; i <= 9; ++i) {
      if (i < length && !IsDigitAt(text_, i)) return false;
      nanoseconds_ = nanoseconds_ * 10 + (i < length ? text_[i] - '0' : 0);
    }
    text_.remove_prefix(length);
    return true;
  }

  template <typename T>
  bool Number(std::size_t least, std::size_t most, T& value) {
    std::size_t length = 0;
    T read = 0;
    while (length < most && IsDigitAt(text_, length)) read = read * 10 + (text_[length++] - '0');
    if (length < least) return false;
    text_.remove_prefix(length);
    value = read;
    return true;
  }

  bool Name(std::int64_t count, std::string_view (*name_of)(std::int64_t), int first,
            std::size_t length, int& value) {
    for (std::int64_t i = 0; i < count; ++i) {
      std::string_view name = name_of(i + first);
      if (length > 0) name = name.substr(0, length);
      if (text_.size() < name.size()) continue;
      std::size_t same = 0;
      while (same < name.size() && (text_[same] | 0x20) == (name[same] | 0x20)) ++same;
      if (same < name.size()) continue;
      text_.remove_prefix(name.size());
      value = static_cast<int>(i) + first;
      return true;
    }
    return false;
  }

  bool Half(std::string_view afternoon, std::string_view morning) {
    const std::string_view half = text_.substr(0, 2);
    if (half != afternoon && half != morning) return false;
    afternoon_ = half == afternoon;
    morning_ = half == morning;
    text_.remove_prefix(2);
    return true;
  }

  bool OffsetValue(const LayoutElement& element) {
    if (element.z_for_utc && text_.starts_with("Z")) {
      text_.remove_prefix(1);
      utc_ = true;
      return true;
    }
    if (text_.empty() || (text_[0] != '+' && text_[0] != '-')) return false;
    const bool negative = text_[0] == '-';
    text_.remove_prefix(1);
    std::array<int, 3> parts{};
    for (int i = 0; i < element.parts; ++i) {
      if (i > 0 && element.colons) {
        if (text_.empty() || text_[0] != ':') return false;
        text_.remove_prefix(1);
      }
      if (!Number(2, 2, parts[static_cast<std::size_t>(i)])) return false;
    }
    if (parts[0] > 24 || parts[1] > 60 || parts[2] > 60) return false;
    const int seconds = (parts[0] * 60 + parts[1]) * 60 + parts[2];
    offset_ = negative ? -seconds : seconds;
    return true;
  }

  bool Abbreviation() {
    if (text_.starts_with("UTC")) {
      text_.remove_prefix(3);
      utc_ = true;
      return true;
    }
    const std::size_t length = AbbreviationLength();
    if (length == 0) return false;
    abbreviation_ = text_.substr(0, length);
    text_.remove_prefix(length);
    return true;
  }

  std::size_t AbbreviationLength() const {
    if (text_.size() < 3) return 0;
    if (text_.starts_with("ChST") || text_.starts_with("MeST")) return 4;
    if (text_.starts_with("GMT")) return 3 + SignedHours(text_.substr(3));
    if (text_[0] == '+' || text_[0] == '-') return SignedHours(text_);
    std::size_t upper = 0;
    while (upper < 6 && upper < text_.size() && text_[upper] >= 'A' && text_[upper] <= 'Z') {
      ++upper;
    }
    if (upper == 3) return 3;
    if (upper == 4 && (text_[3] == 'T' || text_.starts_with("WITA"))) return 4;
    return upper == 5 && text_[4] == 'T' ? 5 : 0;
  }

  // "+3", "-11"; 0 for anything else.
  static std::size_t SignedHours(std::string_view text) {
    if (text.empty() || (text[0] != '+' && text[0] != '-')) return 0;
    std::size_t length = 1;
    int hours = 0;
    while (IsDigitAt(text, length) && hours <= 23) hours = hours * 10 + (text[length++] - '0');
    return length > 1 && hours <= 23 ? length : 0;
  }

  // All parts together.
  bool Complete() {
    if (afternoon_ && civil_.hour < 12) civil_.hour += 12;
    if (morning_ && civil_.hour == 12) civil_.hour = 0;
    if (year_day_ >= 0 && !FromYearDay()) return false;
    civil_.month = month_ < 0 ? 1 : month_;
    civil_.day = day_ < 0 ? 1 : day_;
    const std::int64_t first = DaysOf(civil_.year, civil_.month, 1);
    return civil_.day >= 1 && civil_.day <= DaysOf(civil_.year, civil_.month + 1, 1) - first;
  }

  bool FromYearDay() {
    const std::int64_t january = DaysOf(civil_.year, 1, 1);
    if (year_day_ < 1 || year_day_ > DaysOf(civil_.year + 1, 1, 1) - january) return false;
    Time time;
    time.seconds = (january + year_day_ - 1) * 86400;
    const CivilTime civil = time.Civil();
    if ((month_ >= 0 && month_ != civil.month) || (day_ >= 0 && day_ != civil.day)) return false;
    month_ = civil.month;
    day_ = civil.day;
    return true;
  }

  std::string_view text_;
  CivilTime civil_{0, 1, 1, 0, 0, 0};
  std::int32_t nanoseconds_ = 0;
  int month_ = -1;
  int day_ = -1;
  int year_day_ = -1;
  int ignored_ = 0;
  bool afternoon_ = false;
  bool morning_ = false;
  bool utc_ = false;
  std::optional<std::int32_t> offset_;
  std::string_view abbreviation_;
};

}  // namespace

std::optional<Time> ParseLayout(std::string_view layout, std::string_view text, const Zone* zone) {
  Reader reader(text);
  if (!reader.Read(layout)) return {};
  return reader.Result(zone);
}

std::optional<std::int64_t> ParseGoDuration(std::string_view text) {
  const bool negative = !text.empty() && text[0] == '-';
  if (negative || (!text.empty() && text[0] == '+')) text.remove_prefix(1);
  if (text == "0") return 0;
  if (text.empty()) return {};
  __extension__ using Wide = unsigned __int128;
  constexpr Wide kMost = Wide{1} << 63U;
  Wide total = 0;
  while (!text.empty()) {
    Wide whole = 0;
    Wide fraction = 0;
    Wide scale = 1;
    std::size_t digits = 0;
    std::size_t at = 0;
    for (; IsDigitAt(text, at); ++at, ++digits) {
      whole = whole * 10 + static_cast<unsigned>(text[at] - '0');
      if (whole > kMost) return {};
    }
    if (at < text.size() && text[at] == '.') {
      for (++at; IsDigitAt(text, at); ++at, ++digits) {
        if (scale > kMost / 10) continue;
        fraction = fraction * 10 + static_cast<unsigned>(text[at] - '0');
        scale *= 10;
      }
    }
    if (digits == 0) return {};
    text.remove_prefix(at);
    const std::size_t end = text.find_first_of(".0123456789");
    const std::string_view unit = text.substr(0, end);
    struct Unit {
      std::string_view name;
      std::uint64_t ns;
    };
    constexpr Unit kUnits[] = {
        {"ns", 1},         {"us", 1000},         {"µs", 1000},          {"μs", 1000},
        {"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000}};
    std::uint64_t ns = 0;
    for (const Unit& known : kUnits) {
      if (known.name == unit) ns = known.ns;
    }
    if (ns == 0) return {};
    text.remove_prefix(unit.size());
    total += whole * ns + fraction * ns / scale;
    if (total > kMost) return {};
  }
  if (!negative && total == kMost) return {};
  const auto magnitude = static_cast<std::uint64_t>(total);
  return static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude);
}

}  // namespace penstock::expr
