#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "expr/value.h"

namespace penstock::expr {

/// A float64: decimal or hexadecimal (with p exponent), "inf", "infinity", "nan" in any case,
/// underscores between digits. Nothing for anything else and for numbers too large.
std::optional<double> ParseFloat(std::string_view text);

/// An integer of 64 bits. Base 0: the prefixes 0x, 0o, 0b and underscores are known, too. Unlike
/// the reference's, a leading zero alone is no prefix.
std::optional<std::int64_t> ParseInteger(std::string_view text, int base);

/// "1000000", "0.000001", "NaN", "+Inf": as few digits as tell the number from its neighbours.
void AppendPlain(std::string& out, double value);
/// The same with an exponent from a million up and below 0.0001: "1e+06".
void AppendShort(std::string& out, double value);
/// As JSON; false for infinite and not-a-number.
bool AppendJsonNumber(std::string& out, double value);
void AppendInteger(std::string& out, std::int64_t value);
/// The digits of a kWide.
void AppendWide(std::string& out, const Value& wide);

/// A record's integer, given as sign and magnitude: kFloat when that, written again, has the same
/// digits; else kWide.
Value RecordInteger(bool negative, std::uint64_t magnitude);
/// A record's number from its JSON text. Nothing when it is larger than any float64.
std::optional<Value> RecordNumber(std::string_view json);

/// The integer part, when it fits into 64 bits.
std::optional<std::int64_t> Truncated(double value);
/// Of any number.
std::optional<std::int64_t> TruncatedNumber(const Value& number);

}  // namespace penstock::expr
