#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace penstock {

/// Go's duration syntax plus `d`: "30s", "1h30m", "1.5h", "7d", "100ms", "-2s", "0".
/// Error code "duration".
Result<std::chrono::nanoseconds> ParseDuration(std::string_view text);
/// The shortest form that ParseDuration reads back: "1h30m", "250ms", "0s".
std::string FormatDuration(std::chrono::nanoseconds duration);

/// Bytes: "512KiB", "25GB", "4GiB", "1000". Binary units are powers of 1024, decimal ones of
/// 1000; one without B ("64M", "64Mi") is read as with it. Error code "size".
Result<std::uint64_t> ParseSize(std::string_view text);
/// The largest binary unit that divides it: "512KiB", "4GiB", "1000".
std::string FormatSize(std::uint64_t bytes);

/// Appends `text` as a JSON string with its quotes. Control characters, quote and backslash
/// are escaped, the rest is copied; `text` must be valid UTF-8 (see IsUtf8).
void AppendJsonString(std::string& out, std::string_view text);
bool IsUtf8(std::string_view text);

std::string Base64Encode(std::string_view bytes);
/// Standard alphabet; white space is skipped, padding may be missing. Error code "base64".
Result<std::string> Base64Decode(std::string_view text);

/// "2024-03-15T10:22:31.123Z" from milliseconds since the epoch.
std::string FormatTimeMs(std::int64_t ms_since_epoch);

}  // namespace penstock
