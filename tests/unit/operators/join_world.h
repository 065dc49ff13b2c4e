#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "base/format.h"
#include "batch_fixture.h"
#include "operators/batch_join.h"
#include "state/memory_row_store.h"

namespace penstock::operators {

/// Of both sides: `key` and `name`, strings; joined rows have `l` and `r`, the names.
inline JoinPlan NamesPlan(std::int64_t left_window_ms, std::int64_t right_window_ms,
                          bool sends_unmatched) {
  JoinPlan plan;
  for (JoinSidePlan* side : {&plan.left, &plan.right}) {
    side->key = "key";
    side->input = {FieldOf("key", PhysicalType::kString), FieldOf("name", PhysicalType::kString)};
  }
  plan.left.source_id = "left";
  plan.right.source_id = "right";
  plan.left.window = std::chrono::milliseconds(left_window_ms);
  plan.right.window = std::chrono::milliseconds(right_window_ms);
  plan.sends_unmatched = sends_unmatched;
  plan.outputs = {{Side::kLeft, 1, FieldOf("l", PhysicalType::kString)},
                  {Side::kRight, 1, FieldOf("r", PhysicalType::kString)}};
  plan.output = {plan.outputs[0].column, plan.outputs[1].column};
  plan.fingerprints = {1, 2};
  return plan;
}

struct JoinRow {
  std::string key;
  std::string name;  ///< Unique on its side.
  std::int64_t time_ms = 0;
};

/// A message of one side, and the stream that it is in.
struct JoinMessage {
  std::vector<Section> sections;
  std::vector<JoinRow> rows;
  std::int64_t created_ms = 0;
  ShardId writer;
};

/// The messages of one side, in order.
class JoinStream {
 public:
  JoinStream(Side side, std::int64_t created_ns) : side_(side), created_ns_(created_ns) {}

  /// The rows as the next records of a partition; the clock is their latest time, or `clock_ms`.
  void Add(std::int32_t partition, std::vector<JoinRow> rows,
           std::optional<std::int64_t> clock_ms = {}) {
    std::int64_t& next = next_offset_[partition];
    JoinMessage message;
    message.created_ms = created_ms_;
    Section& section = message.sections.emplace_back();
    section.origin = OriginOf(partition);
    section.after = section.last = Offset(next - 1);
    for (const JoinRow& row : rows) {
      section.Add(Offset(next++), Outcome::kRow);
      clock_[partition] = std::max(clock_[partition], row.time_ms);
    }
    if (clock_ms) clock_[partition] = std::max(clock_[partition], *clock_ms);
    section.clock_ms = clock_[partition];
    message.rows = std::move(rows);
    messages_.push_back(std::move(message));
  }
  /// The message comes again, as after an ingestor's restart.
  void Repeat(std::size_t index) { messages_.push_back(messages_.at(index)); }

  Side side() const { return side_; }
  const std::vector<JoinMessage>& messages() const { return messages_; }
  std::uint64_t last() const { return messages_.size(); }

  /// Gives the message to the join.
  Status TakeInto(BatchJoin& join, std::uint64_t seq, BatchJoin::Output& output) const {
    const JoinMessage& message = messages_.at(seq - 1);
    Column keys("key", PhysicalType::kString);
    Column names("name", PhysicalType::kString);
    std::vector<std::int64_t> times;
    for (const JoinRow& row : message.rows) {
      keys.Append(row.key.empty() ? Cell::Missing(Presence::kNull) : Cell::String(row.key));
      names.Append(Cell::String(row.name));
      times.push_back(row.time_ms);
    }
    const ColumnView columns[] = {keys.View(), names.View()};
    return join.Take({.side = side_,
                      .position = {created_ns_, StreamSeq(seq), seq},
                      .writer = message.writer,
                      .created_ms = message.created_ms,
                      .sections = message.sections,
                      .timestamps_ms = times,
                      .columns = columns},
                     output);
  }

 private:
  const Side side_;
  const std::int64_t created_ns_;
  const std::int64_t created_ms_ = 1'000'000'000;
  std::vector<JoinMessage> messages_;
  std::map<std::int32_t, std::int64_t> next_offset_;
  std::map<std::int32_t, std::int64_t> clock_;
};

/// Remembers its changes, so that it can be as it was.
class RewindableRowStore : public state::MemoryRowStore {
 public:
  Status Write(const Changes& changes, std::string_view state) override {
    Change& change = changes_.emplace_back();
    change.side = changes.side;
    for (const state::StoredRow& row : changes.added) change.Add(row);
    for (const state::StoredRow& row : changes.removed) change.removed.push_back(row);
    change.state = state;
    return MemoryRowStore::Write(changes, state);
  }
  Status Reset() override {
    changes_.clear();
    return MemoryRowStore::Reset();
  }
  /// Rows stay for a while longer, as they may.
  Result<std::uint64_t> DropBefore(Side side, std::int64_t before_ms) override {
    return MemoryRowStore::DropBefore(side, before_ms - 40);
  }
  /// As it was after its first `writes` since it was empty; nothing dropped since.
  void Rewind(std::size_t writes) {
    const std::vector<Change> changes(changes_.begin(),
                                      changes_.begin() + static_cast<std::ptrdiff_t>(writes));
    ASSERT_TRUE(Reset().ok());
    for (const Change& change : changes) {
      std::vector<state::StoredRow> added;
      for (std::size_t i = 0; i < change.added.size(); ++i) {
        added.push_back(change.added[i]);
        added.back().data = change.data[i];
      }
      ASSERT_TRUE(Write({change.side, added, change.removed}, change.state).ok());
    }
  }
  std::size_t writes() const { return changes_.size(); }

 private:
  struct Change {
    void Add(const state::StoredRow& row) {
      added.push_back(row);
      data.emplace_back(row.data);
    }
    Side side = Side::kLeft;
    std::vector<state::StoredRow> added;
    std::vector<std::string> data;
    std::vector<state::StoredRow> removed;
    std::string state;
  };
  std::vector<Change> changes_;
};

/// What ended in the output, by step.
struct Joined {
  std::string left;
  std::optional<std::string> right;
  friend auto operator<=>(const Joined&, const Joined&) = default;
};

/// A join over two streams in memory, with an owner that dies and comes back.
class JoinWorld {
 public:
  explicit JoinWorld(JoinPlan plan) : plan_(std::move(plan)) { Restart(); }

  JoinStream left{Side::kLeft, 11};
  JoinStream right{Side::kRight, 22};
  RewindableRowStore store;

  /// A new owner: it knows the store and what was published.
  void Restart() {
    auto made = BatchJoin::Make(plan_, ShardId(0), store);
    ASSERT_TRUE(made.ok()) << made.error().detail;
    join_ = std::make_unique<BatchJoin>(std::move(made).value());
    JoinCheckpoint fresh;
    fresh.left.position.created_ns = 11;
    fresh.right.position.created_ns = 22;
    const Status resumed = join_->Resume(published_.value_or(fresh), step_);
    ASSERT_TRUE(resumed.ok()) << resumed.error().detail;
  }

  enum class End : std::uint8_t { kDone, kDiesBeforePublish, kDiesBeforeCommit };
  /// The next message of the side; false: there is none that may be taken now.
  bool Take(const JoinStream& stream, End end = End::kDone) {
    const std::uint64_t next = join_->position(stream.side()).seq.rep() + 1;
    if (next > stream.last() || !join_->Wants(stream.side())) return false;
    EXPECT_GE(next, kept_from(stream.side()).rep()) << "the message has been trimmed";
    const Status taken = stream.TakeInto(*join_, next, output_);
    EXPECT_TRUE(taken.ok()) << taken.error().detail;
    Finish(end);
    return true;
  }
  bool TakeUnmatched(End end = End::kDone) {
    const auto taken = join_->TakeUnmatched(output_);
    EXPECT_TRUE(taken.ok());
    if (!taken.ok() || !taken.value()) return false;
    Finish(end);
    return true;
  }
  /// Everything that is in the streams.
  void TakeAll() {
    bool more = true;
    while (more) {
      more = Take(left);
      more |= Take(right);
      while (TakeUnmatched()) more = true;
    }
  }

  const std::vector<Joined>& joined() const { return joined_; }
  const BatchJoin::Output& output() const { return output_; }
  const JoinCheckpoint& published() const { return *published_; }
  BatchJoin& join() { return *join_; }
  StreamSeq kept_from(Side side) const {
    if (!published_) return StreamSeq(1);
    return side == Side::kLeft ? published_->left.kept_from : published_->right.kept_from;
  }

  /// How many steps of an output go out before its last part; for a next one that dies in between.
  std::size_t die_after_steps = 0;

 private:
  void Finish(End end) {
    if (join_->caught_up()) {
      if (end == End::kDiesBeforePublish) return Restart();
      if (die_after_steps > 0 && output_.batch.rows() > die_after_steps) {
        Publish(die_after_steps, false);
        die_after_steps = 0;
        return Restart();
      }
      Publish(output_.batch.rows(), true);
      if (end == End::kDiesBeforeCommit) return Restart();
    }
    ASSERT_TRUE(join_->Commit().ok());
    ASSERT_TRUE(join_->DropOld().ok());
  }

  void Publish(std::size_t rows, bool last) {
    const Section& section = output_.batch.sections.at(0);
    ASSERT_EQ(section.after, step_) << "steps go on one by one";
    const std::vector<std::string> lefts = Texts(output_.batch.columns[0]);
    const std::vector<std::string> rights = Texts(output_.batch.columns[1]);
    for (std::size_t i = 0; i < rows; ++i) {
      joined_.push_back({lefts[i], rights[i] == "(null)" ? std::optional<std::string>()
                                                         : std::optional(rights[i])});
    }
    step_ = Offset(step_.rep() + static_cast<std::int64_t>(rows));
    if (last) {
      published_ = output_.batch.join;
      return;
    }
    const bool unmatched =
        output_.counts.unmatched > 0 && output_.counts.matched == 0 && output_.counts.taken == 0;
    const std::uint64_t earlier = published_ ? published_->steps_of_next : 0;
    published_ = join_->before();
    published_->steps_of_next = earlier + rows;
    published_->next = unmatched             ? JoinCheckpoint::Next::kUnmatched
                       : last_side_is_left() ? JoinCheckpoint::Next::kLeft
                                             : JoinCheckpoint::Next::kRight;
  }
  bool last_side_is_left() const {
    return output_.batch.join->left.position.seq != join_->before().left.position.seq;
  }

  const JoinPlan plan_;
  std::unique_ptr<BatchJoin> join_;
  BatchJoin::Output output_;
  std::optional<JoinCheckpoint> published_;
  Offset step_{0};
  std::vector<Joined> joined_;
};

}  // namespace penstock::operators
