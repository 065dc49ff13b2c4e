#pragma once

#include <cstdint>

namespace penstock::sim {

struct Ran {
  std::uint64_t trace = 0;  ///< Two runs with the same one were the same.
  std::uint64_t switches = 0;
  std::int64_t virtual_ms = 0;
  std::size_t records = 0;
  std::size_t deaths = 0;
};

/// What the servers lose, beside what processes and the network do.
enum class Losses : std::uint8_t {
  kNone,
  kStreams,  ///< Streams are deleted, or lose their end.
  kRecords,  ///< So are all sinks' and ingestors' records, or one of them.
};

/// One run of a whole pipeline from its first record to the calm after the last fault, all of it
/// chosen by the seed. Broken laws are failures of the test that calls it.
Ran Simulate(std::uint64_t seed, Losses losses = Losses::kNone);

}  // namespace penstock::sim
