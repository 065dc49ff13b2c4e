#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "expr/time_value.h"

namespace penstock::expr {

/// Writes a time after an example of it: how Go would print 2006-01-02 15:04:05 -0700 MST, a
/// Monday. Anything else in the layout stays as it is.
void AppendLayout(std::string& out, const Time& time, std::string_view layout);

/// Reads a time that is written after an example. `zone`, null for UTC, holds where the text names
/// none. Nothing when the text does not fit or there is no such time.
std::optional<Time> ParseLayout(std::string_view layout, std::string_view text, const Zone* zone);

/// "1h30m", "250ms", "1.5h", "-2s": units ns, us, µs, ms, s, m, h. Nothing for anything else and
/// beyond 292 years.
std::optional<std::int64_t> ParseGoDuration(std::string_view text);

}  // namespace penstock::expr
