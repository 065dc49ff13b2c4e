#pragma once

#include <string_view>

namespace penstock::json {

/// Writes the characters that the inside of a JSON string stands for, never more than
/// `raw.size()` bytes, and returns where they end; null when an escape is malformed. Half a
/// surrogate pair becomes U+FFFD, as in the reference: producers that cut strings make them.
char* Unescape(std::string_view raw, char* out);

/// Whether Unescape would succeed.
bool HasValidEscapes(std::string_view raw);

}  // namespace penstock::json
