#pragma once

#include <cstddef>
#include <cstdint>

/// Compiles the bytes as an expression, in either mode and over records and columns; ends the
/// process when an answer is not as promised. The entry point of libFuzzer is around it.
void FuzzExprParser(const std::uint8_t* data, std::size_t size);
