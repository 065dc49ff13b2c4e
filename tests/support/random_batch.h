#pragma once

#include <random>
#include <string>

#include "model/batch.h"

namespace penstock::testing {

/// What a join may say of its inputs.
inline JoinCheckpoint RandomJoinCheckpoint(std::mt19937_64& random) {
  const auto below = [&](std::uint64_t bound) {
    return static_cast<std::int64_t>(random() % bound);
  };
  const auto time = [&] {
    return below(3) == 0 ? std::optional<std::int64_t>() : std::optional(below(1ULL << 42) - 5);
  };
  JoinCheckpoint checkpoint;
  for (JoinSideProgress* side : {&checkpoint.left, &checkpoint.right}) {
    side->position = {below(1 << 30), StreamSeq(random()), random()};
    side->kept_from = StreamSeq(random());
    side->newest_ms = below(1ULL << 42);
    side->time_ms = time();
    side->settled_time_ms = time();
    for (std::int64_t taken = below(5); taken > 0; --taken) {
      const Origin origin{"s", "t", static_cast<std::int32_t>(below(100)), 1, 1};
      side->taken.push_back({origin,
                             ShardId(static_cast<std::uint32_t>(below(12))),
                             {Offset(below(1ULL << 40) - 1), time(), below(1ULL << 42)},
                             {Offset(below(1ULL << 40) - 1), time(), below(1ULL << 42)}});
    }
  }
  checkpoint.unmatched_sent_before_ms = time();
  checkpoint.steps_of_next = random() % 1000;
  checkpoint.next = static_cast<JoinCheckpoint::Next>(below(3));
  return checkpoint;
}

/// A batch of random sections, outcomes, column types and values, with gaps of both kinds.
inline Batch RandomBatch(std::mt19937_64& random) {
  const auto below = [&](std::uint64_t bound) { return random() % bound; };
  const auto text = [&] {
    std::string bytes(below(20), '\0');
    for (char& c : bytes) c = static_cast<char>(below(256));
    return bytes;
  };
  Batch batch;
  batch.fingerprints = {random(), random()};
  batch.shard = ShardId(static_cast<std::uint32_t>(below(256)));
  batch.created_ms = static_cast<std::int64_t>(below(1ULL << 42));
  if (below(2) == 0) batch.input = Position{1, StreamSeq(random()), random()};
  if (below(3) == 0) batch.join = RandomJoinCheckpoint(random);
  if (below(3) == 0) batch.writer = ShardId(static_cast<std::uint32_t>(below(256)));
  const bool clocks = below(2) == 0;
  std::size_t rows = 0;
  for (std::uint64_t s = below(4); s > 0; --s) {
    Section section;
    section.origin = {text(), text(), static_cast<std::int32_t>(below(100)), 1, 2};
    section.after = Offset(static_cast<std::int64_t>(below(1ULL << 40)) - 1);
    section.last = section.after;
    section.committed = Offset(static_cast<std::int64_t>(below(1ULL << 40)));
    section.birth = random();
    if (clocks && below(2) == 0) section.clock_ms = static_cast<std::int64_t>(below(1ULL << 42));
    std::int64_t offset = section.after.rep();
    for (std::uint64_t r = below(200); r > 0; --r) {
      offset += 1 + static_cast<std::int64_t>(below(10) == 0 ? below(5000) : 0);
      section.Add(Offset(offset), static_cast<Outcome>(below(5) == 0 ? below(kOutcomes) : 0));
    }
    if (below(3) == 0)
      section.last = Offset(section.last.rep() + static_cast<std::int64_t>(below(99)));
    rows += section.rows();
    batch.sections.push_back(std::move(section));
  }
  for (std::size_t i = 0; i < rows; ++i) {
    batch.timestamps_ms.push_back(static_cast<std::int64_t>(below(1ULL << 41)));
  }
  for (std::uint64_t c = below(8); c > 0; --c) {
    Column column(text(), static_cast<PhysicalType>(below(6)));
    const bool gaps = below(2) == 0;
    for (std::size_t i = 0; i < rows; ++i) {
      const std::string value = text();
      Cell cell = Cell::Uint64(random());
      if (FixedWidth(column.type()) == 0) cell = Cell::String(value);
      if (column.type() == PhysicalType::kBool) cell = Cell::Bool(below(2) == 0);
      cell.type = column.type();
      if (gaps && below(3) == 0) cell = Cell::Missing(static_cast<Presence>(1 + below(2)));
      column.Append(cell);
    }
    batch.columns.push_back(std::move(column));
  }
  return batch;
}

}  // namespace penstock::testing
