#include "config/quantity.h"

#include <array>
#include <charconv>
#include <cmath>

namespace penstock::config {

namespace {

struct Suffix {
  std::string_view name;
  double factor;
};
constexpr auto kSuffixes = std::to_array<Suffix>({{"", 1},
                                                  {"n", 1e-9},
                                                  {"u", 1e-6},
                                                  {"m", 1e-3},
                                                  {"k", 1e3},
                                                  {"M", 1e6},
                                                  {"G", 1e9},
                                                  {"T", 1e12},
                                                  {"P", 1e15},
                                                  {"E", 1e18},
                                                  {"Ki", 0x1p10},
                                                  {"Mi", 0x1p20},
                                                  {"Gi", 0x1p30},
                                                  {"Ti", 0x1p40},
                                                  {"Pi", 0x1p50},
                                                  {"Ei", 0x1p60}});

}  // namespace

std::optional<double> ParseQuantity(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(value)) return std::nullopt;
  const std::string_view suffix(rest, static_cast<std::size_t>(end - rest));
  for (const Suffix& known : kSuffixes) {
    if (known.name == suffix) return value * known.factor;
  }
  if (!suffix.starts_with('e') && !suffix.starts_with('E')) return std::nullopt;
  int exponent = 0;
  const char* const digits = rest + 1 + (suffix.size() > 1 && suffix[1] == '+' ? 1 : 0);
  const auto [last, exponent_error] = std::from_chars(digits, end, exponent);
  if (exponent_error != std::errc() || last != end) return std::nullopt;
  return value * std::pow(10, exponent);
}

}  // namespace penstock::config
