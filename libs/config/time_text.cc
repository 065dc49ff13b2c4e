#include "config/time_text.h"

#include <charconv>
#include <chrono>

namespace penstock::config {

namespace {

// Takes exactly `digits` digits off the front.
std::optional<int> TakeNumber(std::string_view& text, std::size_t digits) {
  int value = 0;
  if (text.size() < digits) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value);
  if (error != std::errc() || end != text.data() + digits || text.front() == '-') {
    return std::nullopt;
  }
  text.remove_prefix(digits);
  return value;
}

bool Take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<std::int64_t> TakeDateMs(std::string_view& text) {
  const std::optional<int> year = TakeNumber(text, 4);
  if (!year || !Take(text, "-")) return std::nullopt;
  const std::optional<int> month = TakeNumber(text, 2);
  if (!month || !Take(text, "-")) return std::nullopt;
  const std::optional<int> day = TakeNumber(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch() / std::chrono::milliseconds(1);
}

// "10:22:31.5" in milliseconds; seconds and their fraction may be missing.
std::optional<std::int64_t> TakeTimeMs(std::string_view& text) {
  const std::optional<int> hour = TakeNumber(text, 2);
  if (!hour || *hour > 23 || !Take(text, ":")) return std::nullopt;
  const std::optional<int> minute = TakeNumber(text, 2);
  if (!minute || *minute > 59) return std::nullopt;
  std::int64_t ms = (*hour * 60LL + *minute) * 60'000;
  if (!Take(text, ":")) return ms;
  const std::optional<int> second = TakeNumber(text, 2);
  if (!second || *second > 59) return std::nullopt;
  ms += *second * 1000LL;
  if (!Take(text, ".")) return ms;
  int scale = 100;
  bool digits = false;
  for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1)) {
    ms += (text.front() - '0') * scale;
    scale /= 10;
    digits = true;
  }
  return digits ? std::optional<std::int64_t>(ms) : std::nullopt;
}

// "Z" or "+02:00" in milliseconds; what is left must be exactly that.
std::optional<std::int64_t> ZoneMs(std::string_view text) {
  if (text == "Z" || text == "z") return 0;
  const bool west = text.starts_with('-');
  if (!Take(text, "+-")) return std::nullopt;
  const std::optional<std::int64_t> ms = TakeTimeMs(text);
  if (!ms || !text.empty()) return std::nullopt;
  return west ? -*ms : *ms;
}

}  // namespace

std::optional<std::int64_t> ParseTimeMs(std::string_view text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc() && rest == end && number >= 0) return number;
  const std::optional<std::int64_t> date = TakeDateMs(text);
  if (!date || text.empty()) return date;
  if (!Take(text, "Tt ")) return std::nullopt;
  const std::optional<std::int64_t> time = TakeTimeMs(text);
  if (!time) return std::nullopt;
  const std::optional<std::int64_t> zone = ZoneMs(text);
  if (!zone) return std::nullopt;
  return *date + *time - *zone;
}

}  // namespace penstock::config
