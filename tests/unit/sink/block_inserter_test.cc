#include "sink/block_inserter.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "base/byte_budget.h"
#include "protocol/shard_record_codec.h"
#include "sink/block_planner.h"
#include "sink/insert_pool.h"
#include "support/fake_table.h"

namespace penstock::sink {
namespace {

using namespace std::chrono_literals;
using clickhouse::ErrorClass;
using penstock::testing::FakeTable;

const Origin kOrigin{"s", "t", 0, 1, 1};

/// The record's side of a block: what is recorded survives, letters that were sent too.
class FakeOwner final : public BlockOwner {
 public:
  bool Record(Block& block, std::vector<DeadLetter> given_up) override {
    if (die_before_record_ && ++writes_ == die_at_) return false;
    for (const DeadLetter& letter : given_up) {
      const GivenUp row{letter.origin, letter.offset, letter.code};
      const bool known = std::ranges::any_of(
          block.intent.given_up, [&](const GivenUp& other) { return other.offset == row.offset; });
      if (!known) block.intent.given_up.push_back(row);
    }
    std::ranges::sort(block.intent.given_up);
    block.recorded = true;
    recorded_ = block.intent;
    most_bytes_ = std::max(most_bytes_, RecordBytes());
    if (!die_before_record_ && ++writes_ == die_at_) return false;  // Before the letters.
    for (DeadLetter& letter : given_up) letters_[letter.offset.rep()] = std::move(letter);
    return true;
  }
  void Inserted(std::unique_ptr<Block>) override {}
  void Failed(std::unique_ptr<Block>, Error) override {}

  /// Dies with its `write`-th from now on: before it counts, or just after.
  void DieAt(int write, bool before) {
    writes_ = 0;
    die_at_ = write;
    die_before_record_ = before;
  }
  const std::optional<Intent>& recorded() const { return recorded_; }
  const std::map<std::int64_t, DeadLetter>& letters() const { return letters_; }
  int writes() const { return writes_; }
  std::size_t most_bytes() const { return most_bytes_; }

 private:
  std::size_t RecordBytes() const {
    ShardRecord record;
    record.intents.push_back(*recorded_);
    return protocol::EncodeShardRecord(record).size();
  }

  std::optional<Intent> recorded_;
  std::map<std::int64_t, DeadLetter> letters_;
  int writes_ = 0;
  int die_at_ = 0;
  bool die_before_record_ = false;
  std::size_t most_bytes_ = 0;
};

/// One block, the table that it goes into, and what outlives the processes in between.
class World {
 public:
  /// A message of `rows` records whose ids are their offsets, made into one block.
  explicit World(std::size_t rows, std::uint64_t seed = 1) : table_(seed), rows_(rows) {
    Batch batch;
    batch.fingerprints = {1, 1};
    Section section;
    section.origin = kOrigin;
    batch.columns.emplace_back("id", PhysicalType::kInt64);
    for (std::size_t i = 0; i < rows; ++i) {
      const auto offset = static_cast<std::int64_t>(i);
      section.Add(Offset(offset), Outcome::kRow);
      batch.timestamps_ms.push_back(offset);
      batch.columns[0].Append(Cell::Int64(offset));
    }
    batch.sections.push_back(section);
    std::string data;
    protocol::EncodeBatch(batch, 1, Codec::kLz4, data);
    auto envelope = protocol::ReadEnvelope(data);
    PENSTOCK_CHECK(envelope.ok(), "the test writes what can be read");
    message_ = std::make_shared<const HeldMessage>(HeldMessage{.seq = StreamSeq(1),
                                                               .data = std::move(data),
                                                               .envelope = envelope.value(),
                                                               .arrived = {},
                                                               .permit = *budget_.Acquire(1, {})});
  }

  /// The block as the next process makes it: anew, or again of what is recorded.
  Block NextBlock() {
    ShardRecord record;
    if (owner_.recorded()) record.intents.push_back(*owner_.recorded());
    BlockPlanner planner("p", ShardId(0),
                         {.rows = 1U << 30, .message_bytes = 1U << 30, .body_bytes = 1U << 30},
                         record);
    EXPECT_TRUE(planner.Add(message_).refused.empty());
    planner.CutOpen();
    return planner.TakeComplete().value();
  }

  /// One life of a sink that has the block in hand. False: it died.
  bool Live(std::stop_token stop = {}) {
    Block block = NextBlock();
    BlockInserter inserter(std::chrono::milliseconds(1),
                           {.table = table_,
                            .owner = owner_,
                            .clock = SystemClock(),
                            .metrics = metrics_,
                            .sizer = sizer_,
                            .pace = *pace_,
                            .converting = converting_,
                            .inserted = inserted_,
                            .brake = brake_},
                           block, stop);
    const Status done = inserter.Run();
    if (!done.ok()) return false;
    EXPECT_EQ(FirstOpenPiece(block.intent, block.rows), std::nullopt);
    return true;
  }

  void ExpectEachRowOnceBut(const std::set<std::int64_t>& bad) {
    const auto found = table_.Rows();
    EXPECT_EQ(found.size(), rows_ - bad.size());
    for (const auto& [id, times] : found) EXPECT_EQ(times, 1) << "row " << id;
    std::set<std::int64_t> lettered;
    for (const auto& [offset, letter] : owner_.letters()) {
      lettered.insert(offset);
      EXPECT_EQ(letter.original_message, std::to_string(offset));
    }
    EXPECT_EQ(lettered, bad);
  }

  /// Of the block's own token.
  std::string TokenHash() {
    const std::string& token = owner_.recorded()->token;
    return token.substr(token.rfind('/') + 1);
  }
  FakeTable& table() { return table_; }
  FakeOwner& owner() { return owner_; }
  Metrics& metrics() { return registry_; }
  bool paused_for_rows() {
    return registry_.Expose().find("penstock_sink_paused{reason=\"rows\"} 1\n") !=
           std::string::npos;
  }
  void SetPace(BisectPace::Options pace) { pace_.emplace(pace); }

 private:
  ByteBudget budget_{1 << 30};
  std::shared_ptr<const HeldMessage> message_;
  FakeTable table_;
  const std::size_t rows_;
  FakeOwner owner_;
  Metrics registry_;
  SinkMetrics metrics_{registry_, SystemClock()};
  BlockSizer sizer_;
  std::optional<BisectPace> pace_{BisectPace::Options{}};
  std::counting_semaphore<> converting_{1};
  std::atomic<std::uint64_t> inserted_{0};
  TokenBrake brake_{SystemClock()};
};

TEST(BlockInserterTest, SevenBadRowsOfManyAreFoundWithFewInserts) {
  constexpr std::size_t kRows = 100'000;
  const std::set<std::int64_t> bad = {0, 13'000, 27'911, 50'000, 71'234, 88'888, 99'999};
  World world(kRows);
  world.table().Set({.refused = [&](std::int64_t id) { return bad.contains(id); }});
  ASSERT_TRUE(world.Live());
  world.ExpectEachRowOnceBut(bad);
  for (const auto& [offset, letter] : world.owner().letters()) {
    EXPECT_EQ(letter.reason, DeadLetterReason::kSinkRejection);
    EXPECT_EQ(letter.code, 469);
    EXPECT_EQ(letter.code_name, "VIOLATED_CONSTRAINT");
    EXPECT_EQ(letter.error, "injected");
  }
  EXPECT_LE(world.table().attempts(), 7 * 2 * std::log2(kRows) + 2);
  EXPECT_LT(world.owner().most_bytes(), 2000U);
}

// The law of every class at once: rows that are refused, too little memory, too many partitions,
// answers that get lost, and a process that dies at any write or insert.
TEST(BlockInserterTest, EachRowIsInOnceOrHasItsLetterWhereverTheProcessDies) {
  constexpr std::size_t kRows = 400;
  for (unsigned seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937_64 random(seed);
    std::set<std::int64_t> bad;
    for (std::uint64_t i = random() % 12; i > 0; --i) {
      bad.insert(static_cast<std::int64_t>(random() % kRows));
    }
    World world(kRows, seed);
    world.table().Set(
        {.unconvertible = [&](std::int64_t id) { return bad.contains(id) && id % 3 == 0; },
         .refused = [&](std::int64_t id) { return bad.contains(id); },
         .partitions = seed % 3 == 0 ? 37 : 0,
         .partition_limit = 5,
         .knows_partitions = seed % 2 == 0,
         .busy = 6,
         .no_memory = 9,
         .lost = 6,
         .hollow = seed % 2 == 0 ? 5U : 0U});
    std::stop_source stop;
    bool done = false;
    for (int life = 0; life < 12 && !done; ++life) {
      world.owner().DieAt(static_cast<int>(random() % 12) + 1, random() % 2 == 0);
      stop = {};
      const std::uint64_t last = world.table().attempts() + random() % 40 + 1;
      world.table().OnInsert([&](std::uint64_t attempt) {
        if (attempt == last) stop.request_stop();
      });
      done = world.Live(stop.get_token());
    }
    world.owner().DieAt(0, true);
    world.table().OnInsert({});
    ASSERT_TRUE(done || world.Live());
    world.ExpectEachRowOnceBut(bad);
  }
}

// ClickHouse killed between the token and the part, again and again.
TEST(BlockInserterTest, RowsOfATokenThatIsHollowGoUnderAnother) {
  for (const std::size_t rows : {1U, 2U, 1000U}) {
    World world(rows, rows);
    world.table().Set({.hollow = 2});
    ASSERT_TRUE(world.Live());
    world.ExpectEachRowOnceBut({});
  }
}

TEST(BlockInserterTest, TooLittleMemoryHalvesUntilItFits) {
  World world(1000);
  world.table().Set({.memory_rows = 130});
  ASSERT_TRUE(world.Live());
  world.ExpectEachRowOnceBut({});
  EXPECT_EQ(world.table().applied(), 8U);
}

// Nothing is lost or flooded when every row is bad: the pieces wait, which is said, and stops with
// the block.
TEST(BlockInserterTest, ABlockOfBadRowsIsTakenApartSlowly) {
  constexpr std::size_t kRows = 40;
  World world(kRows);
  world.SetPace({.free = 20, .a_second = 0, .doubling = 1000, .first = 1ms, .most = 1ms});
  world.table().Set({.refused = [](std::int64_t) { return true; }});
  std::vector<bool> paused;
  world.table().OnInsert([&](std::uint64_t) { paused.push_back(world.paused_for_rows()); });
  const Clock::Time start = SystemClock().Now();
  ASSERT_TRUE(world.Live());
  std::set<std::int64_t> all;
  for (std::size_t i = 0; i < kRows; ++i) all.insert(static_cast<std::int64_t>(i));
  world.ExpectEachRowOnceBut(all);
  EXPECT_EQ(std::ranges::count(paused, false), 21) << "the first attempts follow at once";
  EXPECT_FALSE(world.paused_for_rows());
  EXPECT_GE(SystemClock().Now() - start, (paused.size() - 21) * 1ms);
}

TEST(BlockInserterTest, AStopEndsTheWaitBetweenPieces) {
  World world(40);
  world.SetPace({.free = 0, .first = 1h, .most = 1h});
  world.table().Set({.refused = [](std::int64_t) { return true; }});
  std::stop_source stop;
  std::jthread stopper([&] {
    while (!world.paused_for_rows()) std::this_thread::yield();
    stop.request_stop();
  });
  EXPECT_FALSE(world.Live(stop.get_token()));
  EXPECT_EQ(world.table().attempts(), 1U);
}

// What may be in the table already is not sent again under other tokens.
TEST(BlockInserterTest, AnInheritedBlockIsNotHalvedForMemory) {
  World world(1000);
  world.owner().DieAt(1, false);
  ASSERT_FALSE(world.Live()) << "dies with its intent recorded, as if after the insert";
  world.owner().DieAt(0, false);
  world.table().Set({.memory_rows = 130});
  world.table().OnInsert([&](std::uint64_t attempt) {
    if (attempt == 5) world.table().Set({});
  });
  ASSERT_TRUE(world.Live());
  EXPECT_EQ(world.table().applied(), 1U);
  EXPECT_EQ(world.table().Blocks().begin()->first, "p/0/" + world.TokenHash());
}

// A code that no table has, on one row only: found, since everything else goes in.
TEST(BlockInserterTest, ARowThatAnUnknownCodeBlamesIsGivenUp) {
  World world(64);
  world.table().Set({.refused = [](std::int64_t id) { return id == 33; },
                     .refused_code = 4711,
                     .refused_class = ErrorClass::kUnknown});
  ASSERT_TRUE(world.Live());
  world.ExpectEachRowOnceBut({33});
  EXPECT_EQ(world.owner().letters().at(33).code, 4711);
}

// The same code on everything is the server's matter: no row is given up, and all go in after it.
TEST(BlockInserterTest, ACodeThatEverythingGetsBlamesNoRow) {
  World world(8);
  world.table().Close(ErrorClass::kUnknown);
  world.table().OnInsert([&](std::uint64_t attempt) {
    if (attempt == 18) world.table().Open();
  });
  ASSERT_TRUE(world.Live());
  world.ExpectEachRowOnceBut({});
}

// Rows that are refused since the table has changed are made anew before anybody blames them.
TEST(BlockInserterTest, ATableThatHasChangedIsLookedAtBeforeRowsAreBlamed) {
  World world(100);
  world.table().Set({.refused = [](std::int64_t) { return true; }});
  world.table().OnInsert([&](std::uint64_t attempt) {
    if (attempt == 1) world.table().Change();
    if (attempt == 2) world.table().Set({});  // Made anew, the rows are good.
  });
  ASSERT_TRUE(world.Live());
  EXPECT_EQ(world.table().applied(), 1U);
  world.ExpectEachRowOnceBut({});
}

TEST(BlockInserterTest, PartitionsThatNobodyCanTellAreHalvedByRows) {
  World world(400);
  world.table().Set({.partitions = 40, .partition_limit = 10, .knows_partitions = false});
  ASSERT_TRUE(world.Live());
  world.ExpectEachRowOnceBut({});
}

TEST(BlockInserterTest, PartitionsAreSplitInOneStep) {
  World world(4000);
  world.table().Set({.partitions = 500, .partition_limit = 100});
  ASSERT_TRUE(world.Live());
  world.ExpectEachRowOnceBut({});
  EXPECT_LE(world.table().attempts(), 17U);
  EXPECT_EQ(world.owner().writes(), 2) << "the intent, and the split";
}

}  // namespace
}  // namespace penstock::sink
