#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

#include <arpa/inet.h>

#include "clickhouse/fixed_writer.h"
#include "clickhouse/writer_factory.h"

namespace penstock::clickhouse {

namespace {

// "1.2.3.4" as a number; octets have one to three digits and no leading zeros.
bool ParseIpv4(std::string_view text, std::uint32_t& address) {
  address = 0;
  std::size_t at = 0;
  for (int octet = 0; octet < 4; ++octet) {
    if (octet > 0 && (at == text.size() || text[at++] != '.')) return false;
    const std::size_t start = at;
    unsigned value = 0;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9' && at - start < 3; ++at) {
      value = value * 10 + static_cast<unsigned>(text[at] - '0');
    }
    if (at == start || value > 255 || (text[start] == '0' && at - start > 1)) return false;
    address = address << 8 | value;
  }
  return at == text.size();
}

struct Ipv4Codec {
  using Out = std::uint32_t;

  Out Default() const { return 0; }
  FaultKind Convert(std::string_view text, Out& out) const {
    return ParseIpv4(text, out) ? FaultKind::kNone : FaultKind::kNotParsed;
  }
};

// Also an IPv4 address, which IPv6 has room for.
struct Ipv6Codec {
  using Out = std::array<unsigned char, 16>;  // In the order of the network.

  Out Default() const { return {}; }
  FaultKind Convert(std::string_view text, Out& out) const {
    if (std::uint32_t address = 0; ParseIpv4(text, address)) {
      out = {};
      out[10] = out[11] = 0xFF;
      for (std::size_t i = 0; i < 4; ++i) {
        out[12 + i] = static_cast<unsigned char>(address >> (24 - 8 * i));
      }
      return FaultKind::kNone;
    }
    std::array<char, INET6_ADDRSTRLEN> copy{};
    // A text with a zero byte inside would count as its beginning.
    if (text.size() >= copy.size() || text.find('\0') != std::string_view::npos) {
      return FaultKind::kNotParsed;
    }
    std::ranges::copy(text, copy.begin());
    const bool good = inet_pton(AF_INET6, copy.data(), out.data()) == 1;
    return good ? FaultKind::kNone : FaultKind::kNotParsed;
  }
};

template <typename Codec>
Result<WriterPtr> Make(const ClickHouseType& type, const WriterOptions&) {
  if (!type.arguments.empty()) return TypeError(type, "expected no arguments");
  return WriterPtr(std::make_unique<FixedWriter<Codec>>(ToText(type), Codec()));
}

}  // namespace

std::span<const TypeFamily> NetworkTypes() {
  static constexpr std::array kTypes = {
      TypeFamily{"IPv4", ValueKind::kParsed, Make<Ipv4Codec>},
      TypeFamily{"IPv6", ValueKind::kParsed, Make<Ipv6Codec>},
  };
  return kTypes;
}

}  // namespace penstock::clickhouse
