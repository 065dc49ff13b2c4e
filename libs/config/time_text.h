#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace penstock::config {

/// Milliseconds since 1970 from RFC 3339 ("2024-03-15T10:22:31.5Z", "2024-03-15T10:22:31+02:00",
/// "2024-03-15") or from that number as digits; nullopt: neither.
std::optional<std::int64_t> ParseTimeMs(std::string_view text);

}  // namespace penstock::config
