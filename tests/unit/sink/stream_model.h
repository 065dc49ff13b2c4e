#pragma once

#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "protocol/batch_codec.h"
#include "sink/block.h"

namespace penstock::sink {

/// A row as the tests know it: which partition, which offset.
using RowId = std::pair<std::int32_t, std::int64_t>;

/// The messages that ingestors of one shard publish, crashes and repeats included: each origin's
/// sections continue one another, and now and then an origin starts again from an earlier offset.
class StreamModel {
 public:
  explicit StreamModel(unsigned seed, std::int32_t partitions = 3)
      : random_(seed), next_(static_cast<std::size_t>(partitions), 0) {}

  Batch NextBatch() {
    Batch batch;
    batch.fingerprints = {1, 1};
    batch.columns.emplace_back("id", PhysicalType::kInt64);
    for (std::uint64_t s = random_() % 3 + 1; s > 0; --s) AddSection(batch);
    return batch;
  }

  static std::string Encode(const Batch& batch) {
    std::string message;
    protocol::EncodeBatch(batch, 1, Codec::kLz4, message);
    return message;
  }

  /// Every row that was ever published, and how many records of each other outcome.
  const std::set<RowId>& rows() const { return rows_; }

 private:
  // Whatever happened, a record has the same fate each time it is published.
  static Outcome FateOf(std::int32_t partition, std::int64_t offset) {
    return (offset * 7 + partition) % 10 == 3 ? Outcome::kDeadLetter : Outcome::kRow;
  }

  void AddSection(Batch& batch) {
    const auto partition = static_cast<std::int32_t>(random_() % next_.size());
    std::int64_t& next = next_[static_cast<std::size_t>(partition)];
    if (random_() % 8 == 0)
      next = static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(next + 1));
    Section section;
    section.origin = {"s", "t", partition, 1, 1};
    section.after = Offset(next - 1);
    section.last = section.after;
    section.birth = 1ULL << 62;  // Of whatever record the test makes.
    for (std::uint64_t i = random_() % 40; i > 0; --i, ++next) {
      if (next % 13 == 5) continue;  // Compacted away: the topic has no such record.
      const Outcome outcome = FateOf(partition, next);
      section.Add(Offset(next), outcome);
      if (outcome != Outcome::kRow) continue;
      rows_.insert({partition, next});
      batch.timestamps_ms.push_back(next);
      batch.columns[0].Append(Cell::Int64(partition * 1'000'000 + next));
    }
    // What was compacted away at its end may be within the section, or left to the next one.
    if (random_() % 2 == 0) section.last = Offset(next - 1);
    next = section.last.rep() + 1;
    batch.sections.push_back(std::move(section));
  }

  std::mt19937_64 random_;
  std::vector<std::int64_t> next_;
  std::set<RowId> rows_;
};

/// What a join publishes into a shard: its own origin, steps that continue one another, some
/// messages without any, and a checkpoint that names the message.
class JoinModel {
 public:
  explicit JoinModel(unsigned seed) : random_(seed) {}

  Batch NextBatch() {
    Batch batch;
    batch.fingerprints = {1, 1};
    batch.columns.emplace_back("id", PhysicalType::kInt64);
    batch.join = CheckpointOf(++messages_);
    Section& section = batch.sections.emplace_back();
    section.origin = JoinOrigin(ShardId(0));
    section.after = section.last = Offset(steps_);
    section.birth = 1ULL << 62;  // Of whatever record the test makes.
    for (std::uint64_t i = random_() % 3 == 0 ? 0 : random_() % 30; i > 0; --i) {
      const Outcome outcome = ++steps_ % 7 == 3 ? Outcome::kFiltered : Outcome::kRow;
      section.Add(Offset(steps_), outcome);
      if (outcome != Outcome::kRow) continue;
      batch.timestamps_ms.push_back(steps_);
      batch.columns[0].Append(Cell::Int64(steps_));
    }
    return batch;
  }

  static JoinCheckpoint CheckpointOf(std::uint64_t message) {
    JoinCheckpoint checkpoint;
    checkpoint.left.position.seq = StreamSeq(message);
    TakenIn& taken = checkpoint.right.taken.emplace_back();
    taken.origin = {"s", "t", 0, 1, 1};
    taken.now.last = Offset(static_cast<std::int64_t>(message) * 10);
    return checkpoint;
  }

 private:
  std::mt19937_64 random_;
  std::uint64_t messages_ = 0;
  std::int64_t steps_ = -1;
};

/// The rows of a block, in order.
inline std::vector<RowId> RowsOf(const Block& block) {
  std::vector<RowId> rows;
  for (const Slice& slice : block.slices) {
    for (const SectionPiece& piece : slice.pieces) {
      const Section& section = slice.message->envelope.sections[piece.section];
      const std::size_t before = section.RowsBefore(Next(piece.lo));
      for (std::size_t i = 0; i < piece.rows; ++i) {
        rows.emplace_back(section.origin.partition, section.OffsetOfRow(before + i).rep());
      }
    }
  }
  return rows;
}

}  // namespace penstock::sink
