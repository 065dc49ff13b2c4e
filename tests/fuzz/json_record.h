#pragma once

#include <cstddef>
#include <cstdint>

/// Parses the bytes as a record and checks the answer against the oracle; ends the process when
/// they differ. The entry point of libFuzzer, and of the unit test that runs the corpus.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
