#include "base/text.h"

#include <array>
#include <cmath>
#include <ctime>
#include <limits>
#include <optional>

namespace penstock {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t nanoseconds;
};
// Longer names first: "ms" before "m". Both micro signs, U+00B5 and U+03BC.
constexpr std::array<Unit, 9> kUnits{{{"ns", 1},
                                      {"us", 1'000},
                                      {"\u00b5s", 1'000},
                                      {"\u03bcs", 1'000},
                                      {"ms", 1'000'000},
                                      {"s", 1'000'000'000},
                                      {"m", 60'000'000'000},
                                      {"h", 3'600'000'000'000},
                                      {"d", 86'400'000'000'000}}};

struct SizeUnit {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array<SizeUnit, 8> kSizeUnits{{{"Ti", 1ULL << 40},
                                              {"Gi", 1ULL << 30},
                                              {"Mi", 1ULL << 20},
                                              {"Ki", 1ULL << 10},
                                              {"T", 1'000'000'000'000ULL},
                                              {"G", 1'000'000'000ULL},
                                              {"M", 1'000'000ULL},
                                              {"K", 1'000ULL}}};

// A decimal number without sign. Whole part and fraction are apart, so that large numbers stay
// exact.
struct Decimal {
  std::uint64_t whole = 0;
  double fraction = 0;
};

// Takes digits with an optional fraction from the front of `text`. Empty: none there, or too many.
std::optional<Decimal> TakeNumber(std::string_view& text) {
  Decimal number;
  double place = 1;
  bool digits = false;
  bool fraction = false;
  std::size_t used = 0;
  for (; used < text.size(); ++used) {
    const char c = text[used];
    if (c == '.' && !fraction) {
      fraction = true;
      continue;
    }
    if (c < '0' || c > '9') break;
    digits = true;
    const auto digit = static_cast<unsigned>(c - '0');
    if (fraction) {
      place /= 10;
      number.fraction += digit * place;
    } else if (__builtin_mul_overflow(number.whole, 10, &number.whole) ||
               __builtin_add_overflow(number.whole, digit, &number.whole)) {
      return std::nullopt;
    }
  }
  text.remove_prefix(used);
  return digits ? std::optional(number) : std::nullopt;
}

constexpr std::uint64_t kMostUnits = std::numeric_limits<std::int64_t>::max();

// `number` of a unit, rounded; added to `total`. False: the sum leaves the range of int64.
bool AddTimes(const Decimal& number, std::uint64_t unit, std::uint64_t& total) {
  std::uint64_t product = 0;
  const auto rest =
      static_cast<std::uint64_t>(std::llround(number.fraction * static_cast<double>(unit)));
  return !__builtin_mul_overflow(number.whole, unit, &product) &&
         !__builtin_add_overflow(product, rest, &product) &&
         !__builtin_add_overflow(total, product, &total) && total <= kMostUnits;
}

Error BadDuration(std::string_view text) {
  return Error{Remedy::kStop, "duration",
               fmt::format("\"{}\" is no duration; write it like 30s, 1h30m, 250ms or 7d", text)};
}

}  // namespace

Result<std::chrono::nanoseconds> ParseDuration(std::string_view text) {
  std::string_view rest = text;
  const bool negative = !rest.empty() && rest.front() == '-';
  if (!rest.empty() && (rest.front() == '-' || rest.front() == '+')) rest.remove_prefix(1);
  if (rest == "0") return std::chrono::nanoseconds(0);
  if (rest.empty()) return BadDuration(text);
  std::uint64_t total = 0;
  while (!rest.empty()) {
    const auto number = TakeNumber(rest);
    if (!number) return BadDuration(text);
    const Unit* found = nullptr;
    for (const Unit& unit : kUnits) {
      if (found == nullptr && rest.starts_with(unit.name)) found = &unit;
    }
    if (found == nullptr || !AddTimes(*number, found->nanoseconds, total)) {
      return BadDuration(text);
    }
    rest.remove_prefix(found->name.size());
  }
  const auto nanoseconds = static_cast<std::int64_t>(total);
  return std::chrono::nanoseconds(negative ? -nanoseconds : nanoseconds);
}

std::string FormatDuration(std::chrono::nanoseconds duration) {
  if (duration.count() == 0) return "0s";
  const bool negative = duration.count() < 0;
  std::string out = negative ? "-" : "";
  // Unsigned, since the least value has no negative.
  auto left = static_cast<std::uint64_t>(duration.count());
  if (negative) left = 0 - left;
  struct Step {
    const char* name;
    std::uint64_t nanoseconds;
  };
  constexpr std::array<Step, 7> kSteps{{{"d", 86'400'000'000'000},
                                        {"h", 3'600'000'000'000},
                                        {"m", 60'000'000'000},
                                        {"s", 1'000'000'000},
                                        {"ms", 1'000'000},
                                        {"us", 1'000},
                                        {"ns", 1}}};
  for (const Step& step : kSteps) {
    const std::uint64_t count = left / step.nanoseconds;
    if (count > 0) out += fmt::format("{}{}", count, step.name);
    left %= step.nanoseconds;
  }
  return out;
}

Result<std::uint64_t> ParseSize(std::string_view text) {
  const auto bad = [&] {
    return Error{
        Remedy::kStop, "size",
        fmt::format("\"{}\" is no size; write it like 512KiB, 64MiB, 25GB or 1000000", text)};
  };
  std::string_view rest = text;
  const auto number = TakeNumber(rest);
  if (!number) return bad();
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  std::uint64_t factor = 1;
  for (const SizeUnit& unit : kSizeUnits) {
    if (factor == 1 &&
        (rest.starts_with(unit.name) || (unit.name == "K" && rest.starts_with("k")))) {
      factor = unit.bytes;
      rest.remove_prefix(unit.name.size());
    }
  }
  if (!rest.empty() && rest != "B") return bad();
  std::uint64_t bytes = 0;
  if (!AddTimes(*number, factor, bytes)) return bad();
  return bytes;
}

std::string FormatSize(std::uint64_t bytes) {
  for (std::size_t i = 0; i < 4; ++i) {
    const SizeUnit& unit = kSizeUnits[i];
    if (bytes >= unit.bytes && bytes % unit.bytes == 0) {
      return fmt::format("{}{}B", bytes / unit.bytes, unit.name);
    }
  }
  return fmt::format("{}", bytes);
}

void AppendJsonString(std::string& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        } else {
          out.push_back(c);
        }
    }
  }
  out.push_back('"');
}

bool IsUtf8(std::string_view text) {
  std::size_t i = 0;
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  while (i < text.size()) {
    const unsigned lead = byte(i);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    const std::size_t more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    if (lead < 0xC2 || lead > 0xF4 || i + more >= text.size()) return false;
    for (std::size_t k = 1; k <= more; ++k) {
      if ((byte(i + k) & 0xC0) != 0x80) return false;
    }
    const unsigned second = byte(i + 1);
    // Overlong forms, surrogates, and code points above U+10FFFF.
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
        (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) {
      return false;
    }
    i += more + 1;
  }
  return true;
}

namespace {
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
}  // namespace

std::string Base64Encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
    unsigned group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < have ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out.push_back(k <= have ? kBase64[group >> (18 - 6 * k) & 63] : '=');
    }
  }
  return out;
}

Result<std::string> Base64Decode(std::string_view text) {
  const Error bad{Remedy::kStop, "base64", "not base64 text"};
  std::string out;
  unsigned group = 0;
  unsigned bits = 0;
  bool padded = false;
  for (const char c : text) {
    if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
    if (c == '=') {
      padded = true;
      continue;
    }
    const auto value = kBase64.find(c);
    if (padded || value == std::string_view::npos) return bad;
    group = group << 6 | static_cast<unsigned>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<char>(group >> bits & 0xFF));
    }
  }
  if (bits >= 6) return bad;
  return out;
}

std::string FormatTimeMs(std::int64_t ms_since_epoch) {
  std::int64_t seconds = ms_since_epoch / 1000;
  std::int64_t ms = ms_since_epoch % 1000;
  if (ms < 0) {
    ms += 1000;
    --seconds;
  }
  const std::time_t time = seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     ms);
}

}  // namespace penstock
