#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace penstock::config {

/// Insertions, deletions, replacements and swaps of neighbours that make `b` of `a`.
std::size_t EditDistance(std::string_view a, std::string_view b);

/// The candidate that `text` is most likely a misspelling of (case apart); empty: none is near.
std::string_view Nearest(std::string_view text, std::span<const std::string_view> candidates);

/// "; did you mean \"brokers\"?" or nothing.
std::string Hint(std::string_view text, std::span<const std::string_view> candidates);

}  // namespace penstock::config
