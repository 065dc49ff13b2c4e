#include "operators/shuffle_rows.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "batch_fixture.h"
#include "protocol/batch_codec.h"
#include "protocol/key_bytes.h"
#include "protocol/routing.h"

namespace penstock::operators {
namespace {

ShardId ShardOf(const Cell& key, std::size_t shards) {
  std::string bytes;
  protocol::AppendKeyPart(bytes, key);
  return protocol::ShardOfKey(bytes, static_cast<std::uint32_t>(shards));
}

std::vector<std::string> Sorted(std::vector<std::string> lines) {
  std::ranges::sort(lines);
  return lines;
}

void ExpectWholeSections(const Batch& whole, const Batch& target) {
  ASSERT_EQ(target.sections.size(), whole.sections.size());
  for (std::size_t i = 0; i < whole.sections.size(); ++i) {
    Section ends = whole.sections[i];
    ends.runs = target.sections[i].runs;
    EXPECT_EQ(target.sections[i], ends);
  }
}

void ExpectOnlyItsRecords(const Batch& target, ShardId writer, std::size_t shards) {
  EXPECT_EQ(target.writer, writer);
  for (const std::string& key : Texts(target.columns.at(2))) {
    EXPECT_EQ(ShardOf(Cell::String(key), shards), target.shard);
  }
  if (target.shard == writer) return;
  for (const Section& section : target.sections) {
    for (const RecordRun& run : section.runs) EXPECT_EQ(run.outcome, Outcome::kRow);
  }
}

void ExpectReadable(const Batch& target) {
  std::string message;
  protocol::EncodeBatch(target, 16, Codec::kLz4, message);
  const auto envelope = protocol::ReadEnvelope(message);
  ASSERT_TRUE(envelope.ok()) << envelope.error().detail;
  EXPECT_EQ(envelope.value().sections, target.sections);
  EXPECT_EQ(envelope.value().writer, target.writer);
}

TEST(ShuffleRowsTest, LawEveryRecordIsInOneTargetAndEverySectionInAll) {
  std::mt19937_64 random(11);
  for (const std::size_t shards : {1U, 2U, 5U, 16U}) {
    std::vector<Batch> targets(shards);  // Used again and again, as a stage does.
    for (int i = 0; i < 150; ++i) {
      const Batch whole = RandomBatch(random);
      const ShardId writer(static_cast<std::uint32_t>(random() % shards));
      ShuffleRows(whole, "key", protocol::KeyForm::kPart, writer, targets);
      std::vector<std::string> told;
      for (std::size_t shard = 0; shard < shards; ++shard) {
        const Batch& target = targets[shard];
        EXPECT_EQ(target.shard.rep(), shard);
        ExpectWholeSections(whole, target);
        ExpectOnlyItsRecords(target, writer, shards);
        ExpectReadable(target);
        for (std::string& line : Told({&target})) told.push_back(std::move(line));
      }
      ASSERT_EQ(Sorted(told), Sorted(Told({&whole})));
    }
  }
}

TEST(ShuffleRowsTest, AnyScalarIsAKey) {
  const std::vector<Cell> keys = {Cell::Bool(true),         Cell::Int64(-7),
                                  Cell::Uint64(1ULL << 63), Cell::Float64(1.5),
                                  Cell::String("text"),     Cell::Json("1.50")};
  for (const Cell& key : keys) {
    Batch batch;
    batch.columns.emplace_back("k", key.type);
    batch.columns.front().Append(key);
    batch.timestamps_ms = {1};
    batch.sections.emplace_back().Add(Offset(0), Outcome::kRow);
    std::vector<Batch> targets(64);
    ShuffleRows(batch, "k", protocol::KeyForm::kPart, ShardId(0), targets);
    const auto there = std::ranges::find_if(targets, [](const Batch& of) { return of.rows() > 0; });
    ASSERT_NE(there, targets.end());
    EXPECT_EQ(there->shard, ShardOf(key, 64)) << static_cast<int>(key.type);
  }
}

}  // namespace
}  // namespace penstock::operators
