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

// Nothing of it is left out, and the stream still has what open intents need.
bool Takes(BlockPlanner& planner, std::shared_ptr<const HeldMessage> message) {
  const BlockPlanner::Added added = planner.Add(std::move(message));
  return added.refused.empty() && added.given_up.empty();
}

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
      ASSERT_TRUE(Takes(planner, Hold(model.NextBatch(), seq)));
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
  ASSERT_TRUE(Takes(planner, Hold(BatchOf(-1, 34), 1)));
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
      ASSERT_TRUE(Takes(planner, stream.back()));
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
      ASSERT_TRUE(Takes(again, stream[i]));
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
        ASSERT_TRUE(Takes(planner, stream[i]));
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
  ASSERT_TRUE(Takes(planner, Hold(BatchOf(-1, 9), 1)));
  const auto added = planner.Add(Hold(BatchOf(10, 20), 2));
  ASSERT_EQ(added.refused.size(), 1U);
  EXPECT_EQ(added.refused.front().code, "section_refused");
  EXPECT_NE(added.refused.front().detail.find("s/t/0"), std::string::npos);
}

// Left out as if it had never been there, also by the rows of the sections behind it.
TEST_F(BlockPlannerTest, WhatIsBehindARefusedSectionIsTaken) {
  BlockPlanner planner = Planner(kNoLimits);
  ASSERT_TRUE(Takes(planner, Hold(BatchOf(-1, 9), 1)));
  Batch batch = BatchOf(10, 20);
  const Batch good = BatchOf(9, 12);
  batch.sections.push_back(good.sections.front());
  for (std::size_t row = 0; row < good.rows(); ++row) {
    batch.timestamps_ms.push_back(good.timestamps_ms[row]);
    batch.columns.front().Append(Cell::Int64(static_cast<std::int64_t>(10 + row)));
  }
  EXPECT_EQ(planner.Add(Hold(batch, 2)).refused.size(), 1U);
  ASSERT_TRUE(Takes(planner, Hold(BatchOf(12, 20), 3))) << "it comes again";
  planner.CutOpen();
  const auto block = planner.TakeComplete();
  ASSERT_TRUE(block);
  EXPECT_EQ(block->rows, 21U);
  EXPECT_EQ(block->replayed, 10U);
  EXPECT_EQ(block->position.seq, StreamSeq(3));
  EXPECT_EQ(block->slices[1].pieces.front().first_row, 10U) << "behind the rows left out";
}

// A shard with two open inserts: offsets 0 to 9 in the messages up to 1, 10 to 19 up to 2.
ShardRecord WithOpenIntents() {
  ShardRecord record;
  for (std::int64_t first : {0, 10}) {
    Intent& intent = record.intents.emplace_back();
    intent.ranges.push_back({{"s", "t", 0, 1, 1}, Offset(first - 1), Offset(first + 9)});
    intent.token = fmt::format("from {}", first);
    intent.through = StreamSeq(static_cast<std::uint64_t>(first / 10 + 1));
  }
  return record;
}

TEST_F(BlockPlannerTest, OpenIntentsAreFilledFromRowsThatComeAgain) {
  BlockPlanner planner = Planner(kNoLimits, WithOpenIntents());
  ASSERT_TRUE(Takes(planner, Hold(BatchOf(-1, 25), 1)));
  EXPECT_EQ(planner.TakeComplete()->intent.token, "from 0");
  EXPECT_EQ(planner.TakeComplete()->intent.token, "from 10");
  EXPECT_FALSE(planner.recovering());
  planner.CutOpen();
  EXPECT_EQ(planner.TakeComplete()->rows, 6U);
}

TEST_F(BlockPlannerTest, IntentsWhoseMessagesArePassedAreGivenUpAndTheirRowsTakenWhenTheyCome) {
  BlockPlanner planner = Planner(kNoLimits, WithOpenIntents());
  const auto added = planner.Add(Hold(BatchOf(4, 9), 1));
  EXPECT_EQ(added.refused.size(), 1U);
  ASSERT_EQ(added.given_up.size(), 2U) << "intents stand in the order of their blocks";
  ASSERT_TRUE(Takes(planner, Hold(BatchOf(-1, 19), 2)));
  planner.CutOpen();
  const auto block = planner.TakeComplete();
  ASSERT_TRUE(block);
  EXPECT_EQ(block->rows, 20U);
  EXPECT_FALSE(block->recorded);
}

// Its rows, as far as they have come, go on as a block like any other.
TEST_F(BlockPlannerTest, IntentsAreGivenUpWhereOtherRowsFollow) {
  ShardRecord record = WithOpenIntents();
  record.intents.front().ranges.push_back({{"s", "t", 1, 1, 1}, Offset(-1), Offset(9)});
  for (Intent& intent : record.intents) intent.through = StreamSeq(9);
  BlockPlanner planner = Planner(kNoLimits, record);
  EXPECT_EQ(planner.Add(Hold(BatchOf(-1, 14), 1)).given_up.size(), 2U);
  planner.CutOpen();
  const auto block = planner.TakeComplete();
  ASSERT_TRUE(block);
  EXPECT_EQ(block->rows, 15U);
  EXPECT_NE(block->intent.token, "from 0");
  EXPECT_EQ(block->intent.ranges.front().lo, Offset(-1));
}

TEST_F(BlockPlannerTest, ABlockSaysWhichMessageItGoesThroughAndWhatTheTransformHadRead) {
  BlockPlanner planner = Planner(kNoLimits);
  Batch batch = BatchOf(-1, 9);
  batch.input = Position{.created_ns = 5, .seq = StreamSeq(17), .digest = 3};
  ASSERT_TRUE(Takes(planner, Hold(batch, 4)));
  planner.CutOpen();
  const auto block = planner.TakeComplete();
  EXPECT_EQ(block->intent.through, StreamSeq(4));
  EXPECT_EQ(block->input, batch.input);
}

// What Kafka has as committed is in ClickHouse: a shard that never saw those offsets goes on
// behind.
TEST_F(BlockPlannerTest, TheCommittedOffsetClosesAGap) {
  BlockPlanner planner = Planner(kNoLimits);
  ASSERT_TRUE(Takes(planner, Hold(BatchOf(99, 110, 0, 100), 1)));
  planner.CutOpen();
  EXPECT_EQ(planner.TakeComplete()->rows, 11U);
}

// A section that knows only an older commit may come later: the record must have kept the newer
// one.
TEST_F(BlockPlannerTest, WhatIsCommittedBecomesProgress) {
  BlockPlanner planner = Planner(kNoLimits);
  ASSERT_TRUE(Takes(planner, Hold(BatchOf(99, 99, 0, 100), 1)));
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
  ASSERT_TRUE(Takes(planner, Hold(batch, 1)));
  ASSERT_TRUE(Takes(planner, Hold(empty, 2)));
  ASSERT_TRUE(Takes(planner, Hold(BatchOf(20, 20), 3)));
  EXPECT_EQ(planner.Add(Hold(BatchOf(21, 22), 4)).refused.size(), 1U);
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
  ASSERT_TRUE(Takes(planner, Hold(BatchOf(-1, 5, 7), 1)));
  EXPECT_EQ(planner.Add(Hold(BatchOf(5, 9, 6), 2)).refused.size(), 1U);
}

// A record made anew knows no step: it begins with what the stream still has.
TEST_F(BlockPlannerTest, AJoinsStepsGoOnUnderARecordMadeAnew) {
  ShardRecord record;
  record.birth = 7;
  BlockPlanner planner = Planner(kNoLimits, record);
  Batch batch = BatchOf(499, 509, 6);
  batch.sections.front().origin = JoinOrigin(ShardId(0));
  ASSERT_TRUE(Takes(planner, Hold(batch, 1)));
  batch = BatchOf(511, 519, 6);
  batch.sections.front().origin = JoinOrigin(ShardId(0));
  EXPECT_EQ(planner.Add(Hold(batch, 2)).refused.size(), 1U) << "then without gaps";
  planner.CutOpen();
  EXPECT_EQ(planner.TakeComplete()->rows, 10U);
}

TEST_F(BlockPlannerTest, RepeatsAloneMoveThePositionAndNothingElse) {
  BlockPlanner planner = Planner(kNoLimits);
  ASSERT_TRUE(Takes(planner, Hold(BatchOf(-1, 9), 1)));
  planner.CutOpen();
  ASSERT_TRUE(planner.TakeComplete());
  ASSERT_TRUE(Takes(planner, Hold(BatchOf(-1, 9), 2)));
  planner.CutOpen();
  const auto block = planner.TakeComplete();
  ASSERT_TRUE(block);
  EXPECT_FALSE(block->has_ranges());
  EXPECT_EQ(block->replayed, 10U);
  EXPECT_EQ(block->position.seq, StreamSeq(2));
}

}  // namespace
}  // namespace penstock::sink
