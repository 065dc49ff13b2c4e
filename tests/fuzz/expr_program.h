#pragma once

#include <cstddef>
#include <cstdint>

/// The bytes are an expression, a line break, and a record as JSON: evaluates the one over the
/// other, twice, and writes the result in every form. Ends the process when the second answer is
/// not the first, or an answer is not as promised. The entry point of libFuzzer is around it.
void FuzzExprProgram(const std::uint8_t* data, std::size_t size);
