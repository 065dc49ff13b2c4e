#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "generate/random.h"

namespace penstock::events {

/// Appends the pieces of an event. Fast because producing must not be what a benchmark measures.
class EventWriter {
 public:
  explicit EventWriter(std::string& out) : out_(out) {}

  EventWriter& Raw(std::string_view text) {
    out_.append(text);
    return *this;
  }

  EventWriter& Number(std::uint64_t value) {
    std::array<char, 20> digits;
    const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    out_.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
    return *this;
  }

  /// `thousandths` / 1000, always with three places.
  EventWriter& Decimal(std::uint64_t thousandths) {
    Number(thousandths / 1000).Raw(".");
    return Padded(thousandths % 1000, 3);
  }

  EventWriter& Padded(std::uint64_t value, std::size_t width) {
    const std::size_t end = out_.size() + width;
    out_.resize(end);
    for (std::size_t i = 1; i <= width; ++i, value /= 10) {
      out_[end - i] = static_cast<char>('0' + value % 10);
    }
    return *this;
  }

  EventWriter& Hex(std::uint64_t value, std::size_t width) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    const std::size_t end = out_.size() + width;
    out_.resize(end);
    for (std::size_t i = 1; i <= width; ++i, value >>= 4) out_[end - i] = kDigits[value & 0xF];
    return *this;
  }

  /// A UUID of version 8 (free use). All bits of `high` show: different ones, different texts.
  EventWriter& Uuid(std::uint64_t high, std::uint64_t low) {
    Hex(high >> 28, 8).Raw("-").Hex(high >> 12, 4).Raw("-8").Hex(high, 3).Raw("-");
    return Hex(0x8000 | (high >> 60 << 10) | (low >> 54), 4).Raw("-").Hex(low, 12);
  }

  /// "2025-01-01T00:00:00.000Z".
  EventWriter& Time(std::int64_t ms_since_epoch);

 private:
  std::string& out_;
};

}  // namespace penstock::events
