#include "sink/block_planner.h"

#include <gtest/gtest.h>

#include "stream_model.h"

namespace penstock::sink {
namespace {

constexpr BlockPlanner::Limits kNoLimits{
    .rows = 1'000'000, .message_bytes = 1 << 30, .body_bytes = 1 << 30};

class BlockPlannerTest : public testing::Test {
 protected:
  std::shared_ptr<const HeldMessage> Hold(const Batch& batch, std::uint64_t seq) {
    std::string data = StreamModel::Encode(batch);
    auto envelope = protocol::ReadEnvelope(data);
    PENSTOCK_CHECK(envelope.ok(), "the model writes what can be read");
    return std::make_shared<const HeldMessage>(HeldMessage{.seq = StreamSeq(seq),
                                                           .data = std::move(data),
                                                           .envelope = std::move(envelope).value(),
                                                           .arrived = {},
                                                           .permit = *budget_.Acquire(1, {})});
  }

  static BlockPlanner Planner(BlockPlanner::Limits limits, const ShardRecord& record = {}) {
    return {"orders", ShardId(0), limits, record};
  }

  static Batch BatchOf(std::int64_t after, std::int64_t last, std::uint64_t birth = 0,
                       std::int64_t committed = 0) {
    Batch batch;
    Section section;
    section.origin = {"s", "t", 0, 1, 1};
    section.after = section.last = Offset(after);
    section.birth = birth;
    section.committed = Offset(committed);
    batch.columns.emplace_back("id", PhysicalType::kInt64);
    for (std::int64_t offset = after + 1; offset <= last; ++offset) {
      section.Add(Offset(offset), Outcome::kRow);
      batch.timestamps_ms.push_back(offset);
      batch.columns[0].Append(Cell::Int64(offset));
    }
    batch.sections.push_back(section);
    return batch;
  }

  ByteBudget budget_{1 << 30};
};

std::vector<Block> TakeAll(BlockPlanner& planner) {
  std::vector<Block> blocks;
  while (auto block = planner.TakeComplete()) blocks.push_back(std::move(*block));
  return blocks;
}

TEST_F(BlockPlannerTest, EveryRowIsInExactlyOneBlockWhateverIsRepeated) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    StreamModel model(seed);
    BlockPlanner planner =
        Planner({.rows = seed % 50 + 1, .message_bytes = 1 << 20, .body_bytes = 1 << 20});
    std::map<RowId, int> seen;
    std::uint64_t accounted = 0;
    for (std::uint64_t seq = 1; seq <= 60; ++seq) {
      ASSERT_TRUE(planner.Add(Hold(model.NextBatch(), seq)).ok());
      if (seq == 60) planner.CutOpen();
      for (const Block& block : TakeAll(planner)) {
        EXPECT_LE(block.rows, seed % 50 + 1);
        for (const RowId& row : RowsOf(block)) ++seen[row];
        for (const auto& [origin, account] : block.accounts) accounted += account[Outcome::kRow];
      }
    }
    ASSERT_EQ(seen.size(), model.rows().size());
    EXPECT_EQ(accounted, seen.size());
    for (const auto& [row, times] : seen) ASSERT_EQ(times, 1) << row.first << "/" << row.second;
  }
}

TEST_F(BlockPlannerTest, ABlockHasExactlyTheRowsOfTheLimit) {
  BlockPlanner planner = Planner({.rows = 10, .message_bytes = 1 << 30, .body_bytes = 1 << 30});
  ASSERT_TRUE(planner.Add(Hold(BatchOf(-1, 34), 1)).ok());
  const std::vector<Block> blocks = TakeAll(planner);
  ASSERT_EQ(blocks.size(), 3U);
  for (const Block& block : blocks) EXPECT_EQ(block.rows, 10U);
  EXPECT_EQ(blocks[0].position.seq, StreamSeq(0)) << "the message is not done with yet";
  planner.CutOpen();
  const auto last = planner.TakeComplete();
  ASSERT_TRUE(last);
  EXPECT_EQ(last->rows, 5U);
  EXPECT_EQ(last->position.seq, StreamSeq(1));
}

// The law that makes a crash harmless: from the record as it was at any moment, the open intents
// become blocks of the very same rows under the same tokens, and nothing else changes.
TEST_F(BlockPlannerTest, OpenIntentsBecomeTheSameBlocksAgain) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937_64 random(seed);
    StreamModel model(seed);
    std::vector<std::shared_ptr<const HeldMessage>> stream;
    BlockPlanner planner =
        Planner({.rows = random() % 40 + 1, .message_bytes = 1 << 20, .body_bytes = 1 << 20});
    for (std::uint64_t seq = 1; seq <= 30; ++seq) {
      stream.push_back(Hold(model.NextBatch(), seq));
      ASSERT_TRUE(planner.Add(stream.back()).ok());
      if (random() % 6 == 0) planner.CutOpen();
    }
    planner.CutOpen();
    const std::vector<Block> blocks = TakeAll(planner);

    ShardRecord record;
    const std::size_t confirmed = random() % blocks.size();
    const std::size_t open = std::min(random() % 4, blocks.size() - confirmed);
    for (std::size_t i = 0; i < confirmed; ++i) {
      record.position = blocks[i].position;
      for (const IntentRange& range : blocks[i].intent.ranges) {
        record.progress[range.origin].confirmed = range.hi;
      }
      for (const auto& [origin, offset] : blocks[i].committed) {
        Offset& known = record.progress[origin].confirmed;
        known = std::max(known, offset);
      }
    }
    for (std::size_t i = confirmed; i < confirmed + open; ++i) {
      if (blocks[i].has_ranges()) record.intents.push_back(blocks[i].intent);
    }

    BlockPlanner again = Planner(
        {.rows = random() % 40 + 1, .message_bytes = 1 << 20, .body_bytes = 1 << 20}, record);
    for (std::size_t i = record.position.seq.rep(); i < stream.size(); ++i) {
      const Status added = again.Add(stream[i]);
      ASSERT_TRUE(added.ok()) << added.error().detail;
    }
    again.CutOpen();
    EXPECT_FALSE(again.recovering());
    std::vector<RowId> want;
    std::vector<std::vector<RowId>> open_rows;
    for (std::size_t i = confirmed; i < blocks.size(); ++i) {
      const std::vector<RowId> rows = RowsOf(blocks[i]);
      want.insert(want.end(), rows.begin(), rows.end());
      if (i < confirmed + open && blocks[i].has_ranges()) open_rows.push_back(rows);
    }
    std::vector<RowId> got;
    std::size_t number = 0;
    for (const Block& block : TakeAll(again)) {
      const std::vector<RowId> rows = RowsOf(block);
      got.insert(got.end(), rows.begin(), rows.end());
      if (number < open_rows.size() && block.recorded) {
        EXPECT_EQ(rows, open_rows[number]);
        EXPECT_EQ(block.intent, record.intents[number]);
        ++number;
      }
    }
    EXPECT_EQ(number, open_rows.size());
    EXPECT_EQ(got, want);
  }
}

// The record's checkpoint is that of its position: it never speaks of a message of which a row is
// not confirmed yet, also when open intents were made again.
TEST_F(BlockPlannerTest, AJoinsCheckpointMovesWithThePosition) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937_64 random(seed);
    JoinModel model(seed);
    std::vector<std::shared_ptr<const HeldMessage>> stream;
    for (std::uint64_t seq = 1; seq <= 30; ++seq) stream.push_back(Hold(model.NextBatch(), seq));
    ShardRecord record;
    // Several lives, each of which dies with open intents somewhere.
    for (int life = 0; life < 4; ++life) {
      BlockPlanner planner = Planner(
          {.rows = random() % 40 + 1, .message_bytes = 1 << 20, .body_bytes = 1 << 20}, record);
      for (std::size_t i = record.position.seq.rep(); i < stream.size(); ++i) {
        ASSERT_TRUE(planner.Add(stream[i]).ok());
        if (random() % 6 == 0) planner.CutOpen();
      }
      planner.CutOpen();
      std::vector<Block> blocks = TakeAll(planner);
      const std::size_t confirmed = life == 3 ? blocks.size() : random() % (blocks.size() + 1);
      const std::size_t open = std::min(random() % 4, blocks.size() - confirmed);
      for (std::size_t i = 0; i < confirmed; ++i) {
        const Block& block = blocks[i];
        record.position = block.position;
        if (block.join) record.join = block.join;
        for (const IntentRange& range : block.intent.ranges) {
          record.progress[range.origin].confirmed = range.hi;
        }
        ASSERT_EQ(record.join.has_value(), record.position.seq.rep() > 0);
        if (record.join) {
          ASSERT_EQ(*record.join, JoinModel::CheckpointOf(record.position.seq.rep()));
        }
      }
      record.intents.clear();
      for (std::size_t i = confirmed; i < confirmed + open; ++i) {
        if (blocks[i].has_ranges()) record.intents.push_back(blocks[i].intent);
      }
    }
    EXPECT_EQ(record.position.seq, StreamSeq(30)) << "messages without rows count, too";
  }
}

TEST_F(BlockPlannerTest, ASectionThatWouldLeaveAGapIsRefused) {
  BlockPlanner planner = Planner(kNoLimits);
  ASSERT_TRUE(planner.Add(Hold(BatchOf(-1, 9), 1)).ok());
  const Status refused = planner.Add(Hold(BatchOf(10, 20), 2));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, "section_refused");
  EXPECT_NE(refused.error().detail.find("s/t/0"), std::string::npos);
}

// What Kafka has as committed is in ClickHouse: a shard that never saw those offsets goes on
// behind.
TEST_F(BlockPlannerTest, TheCommittedOffsetClosesAGap) {
  BlockPlanner planner = Planner(kNoLimits);
  ASSERT_TRUE(planner.Add(Hold(BatchOf(99, 110, 0, 100), 1)).ok());
  planner.CutOpen();
  EXPECT_EQ(planner.TakeComplete()->rows, 11U);
}

// A section that knows only an older commit may come later: the record must have kept the newer
// one.
TEST_F(BlockPlannerTest, WhatIsCommittedBecomesProgress) {
  BlockPlanner planner = Planner(kNoLimits);
  ASSERT_TRUE(planner.Add(Hold(BatchOf(99, 99, 0, 100), 1)).ok());
  planner.CutOpen();
  const auto block = planner.TakeComplete();
  ASSERT_TRUE(block);
  EXPECT_FALSE(block->has_ranges());
  EXPECT_EQ(block->committed.begin()->second, Offset(99));
}

TEST_F(BlockPlannerTest, ASectionMayEndAfterItsLastRecord) {
  Batch batch = BatchOf(-1, 9);
  batch.sections.front().last = Offset(14);
  Batch empty = BatchOf(14, 14);
  empty.sections.front().last = Offset(20);
  BlockPlanner planner = Planner(kNoLimits);
  ASSERT_TRUE(planner.Add(Hold(batch, 1)).ok());
  ASSERT_TRUE(planner.Add(Hold(empty, 2)).ok());
  ASSERT_TRUE(planner.Add(Hold(BatchOf(20, 20), 3)).ok());
  EXPECT_EQ(planner.Add(Hold(BatchOf(21, 22), 4)).error().code, "section_refused");
  planner.CutOpen();
  const auto block = planner.TakeComplete();
  ASSERT_TRUE(block);
  EXPECT_EQ(block->intent.ranges.front().hi, Offset(9)) << "of the records";
  EXPECT_EQ(block->committed.begin()->second, Offset(20));
}

TEST_F(BlockPlannerTest, RowsPublishedUnderAnEarlierRecordAreRefused) {
  ShardRecord record;
  record.birth = 7;
  BlockPlanner planner = Planner(kNoLimits, record);
  ASSERT_TRUE(planner.Add(Hold(BatchOf(-1, 5, 7), 1)).ok());
  EXPECT_EQ(planner.Add(Hold(BatchOf(5, 9, 6), 2)).error().code, "section_refused");
}

TEST_F(BlockPlannerTest, RepeatsAloneMoveThePositionAndNothingElse) {
  BlockPlanner planner = Planner(kNoLimits);
  ASSERT_TRUE(planner.Add(Hold(BatchOf(-1, 9), 1)).ok());
  planner.CutOpen();
  ASSERT_TRUE(planner.TakeComplete());
  ASSERT_TRUE(planner.Add(Hold(BatchOf(-1, 9), 2)).ok());
  planner.CutOpen();
  const auto block = planner.TakeComplete();
  ASSERT_TRUE(block);
  EXPECT_FALSE(block->has_ranges());
  EXPECT_EQ(block->replayed, 10U);
  EXPECT_EQ(block->position.seq, StreamSeq(2));
}

}  // namespace
}  // namespace penstock::sink
