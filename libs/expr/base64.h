#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace penstock::expr {

/// Standard alphabet with padding, strictly; line breaks are skipped. Nothing for anything else.
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace penstock::expr
