#include <array>
#include <cstdlib>

#include "base/format.h"
#include "expr/layout_element.h"
#include "expr/time_layout.h"

namespace penstock::expr {

namespace {

class Writer {
 public:
  Writer(std::string& out, const Time& time)
      : out_(out), time_(time), civil_(time.Civil()), offset_(time.OffsetHere()) {}

  void Write(const LayoutElement& element) {
    const int hour12 = civil_.hour % 12 == 0 ? 12 : civil_.hour % 12;
    switch (element.element) {
      case Element::kLongMonth:
        return Text(MonthName(civil_.month));
      case Element::kMonth:
        return Text(MonthName(civil_.month).substr(0, 3));
      case Element::kMonthNumber:
        return Number(civil_.month, 1);
      case Element::kZeroMonth:
        return Number(civil_.month, 2);
      case Element::kLongWeekday:
        return Text(WeekdayName(time_.Weekday()));
      case Element::kWeekday:
        return Text(WeekdayName(time_.Weekday()).substr(0, 3));
      case Element::kDay:
        return Number(civil_.day, 1);
      case Element::kPaddedDay:
        return Text(fmt::format("{:2}", civil_.day));
      case Element::kZeroDay:
        return Number(civil_.day, 2);
      case Element::kPaddedYearDay:
        return Text(fmt::format("{:3}", time_.YearDay()));
      case Element::kZeroYearDay:
        return Number(time_.YearDay(), 3);
      case Element::kHour:
        return Number(civil_.hour, 2);
      case Element::kHour12:
        return Number(hour12, 1);
      case Element::kZeroHour12:
        return Number(hour12, 2);
      case Element::kMinute:
        return Number(civil_.minute, 1);
      case Element::kZeroMinute:
        return Number(civil_.minute, 2);
      case Element::kSecond:
        return Number(civil_.second, 1);
      case Element::kZeroSecond:
        return Number(civil_.second, 2);
      case Element::kLongYear:
        return Number(civil_.year, 4);
      case Element::kYear:
        return Number(std::abs(civil_.year % 100), 2);
      case Element::kUpperHalf:
        return Text(civil_.hour >= 12 ? "PM" : "AM");
      case Element::kLowerHalf:
        return Text(civil_.hour >= 12 ? "pm" : "am");
      case Element::kAbbreviation:
        return Abbreviation();
      case Element::kOffset:
        return OffsetText(element);
      case Element::kFraction:
      case Element::kShortFraction:
        return Fraction(element);
      case Element::kNone:
        return;
    }
  }

 private:
  void Text(std::string_view text) { out_ += text; }
  void Number(std::int64_t value, int width) {
    if (value < 0) out_ += '-';
    std::array<char, 24> digits{};
    char* at = digits.data() + digits.size();
    for (std::int64_t left = std::abs(value); left > 0 || width > 0; left /= 10, --width) {
      *--at = static_cast<char>('0' + left % 10);
    }
    out_.append(at, digits.data() + digits.size());
  }

  void Abbreviation() {
    if (!offset_.abbreviation.empty()) return Text(offset_.abbreviation);
    SignedOffset(2, false);
  }

  void OffsetText(const LayoutElement& element) {
    if (element.z_for_utc && offset_.seconds == 0) return Text("Z");
    SignedOffset(element.parts, element.colons);
  }

  void SignedOffset(int parts, bool colons) {
    const int seconds = std::abs(offset_.seconds);
    out_ += offset_.seconds < 0 ? '-' : '+';
    Number(seconds / 3600, 2);
    if (parts < 2) return;
    if (colons) out_ += ':';
    Number(seconds / 60 % 60, 2);
    if (parts < 3) return;
    if (colons) out_ += ':';
    Number(seconds % 60, 2);
  }

  void Fraction(const LayoutElement& element) {
    std::string digits = fmt::format("{:09}", time_.nanoseconds);
    digits.resize(element.text.size() - 1, '0');
    if (element.element == Element::kShortFraction) {
      while (!digits.empty() && digits.back() == '0') digits.pop_back();
      if (digits.empty()) return;
    }
    out_ += element.text[0];
    out_ += digits;
  }

  std::string& out_;
  const Time& time_;
  CivilTime civil_;
  Offset offset_;
};

}  // namespace

void AppendLayout(std::string& out, const Time& time, std::string_view layout) {
  Writer writer(out, time);
  while (!layout.empty()) {
    const LayoutElement element = NextElement(layout);
    out += element.before;
    writer.Write(element);
    layout = element.after;
  }
}

}  // namespace penstock::expr
