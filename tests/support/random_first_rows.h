#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "model/first_row.h"

namespace penstock::testing {

inline KeyHash RandomKey(std::mt19937_64& random) {
  return {random(), static_cast<std::uint32_t>(random())};
}

/// As a transform finds them: stretches of a partition's offsets, with jumps of offset and time.
inline std::vector<FirstRow> RandomFirstRows(std::mt19937_64& random, std::size_t count) {
  std::vector<FirstRow> rows;
  FirstRow row;
  row.timestamp_ms = static_cast<std::int64_t>(random() % 2'000'000'000'000);
  for (std::size_t i = 0; i < count; ++i) {
    if (i == 0 || random() % 50 == 0) {
      row.id = {static_cast<std::uint32_t>(random() % 3), static_cast<std::int32_t>(random() % 8),
                Offset(static_cast<std::int64_t>(random() % 1'000'000'000))};
    }
    row.key = RandomKey(random);
    row.id.offset = Offset(row.id.offset.rep() + static_cast<std::int64_t>(random() % 4) + 1);
    row.timestamp_ms += static_cast<std::int64_t>(random() % 200) - 20;
    rows.push_back(row);
  }
  return rows;
}

}  // namespace penstock::testing
