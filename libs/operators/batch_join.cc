#include "operators/batch_join.h"

#include <algorithm>
#include <chrono>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "base/format.h"
#include "base/hash.h"
#include "model/row_json.h"
#include "operators/batch_transform.h"
#include "operators/cell_cursor.h"
#include "operators/joined_rows.h"
#include "operators/key_hash.h"
#include "operators/packed_rows.h"
#include "operators/row_origins.h"
#include "operators/side_progress.h"
#include "protocol/join_state_codec.h"
#include "protocol/key_bytes.h"

namespace penstock::operators {

namespace {

using state::RowStore;
using state::StoredRow;

// Unmatched rows that leave at once, and for how much of the window the next are waited for.
constexpr std::size_t kUnmatchedAtOnce = 4096;
constexpr std::int64_t kLooksPerWindow = 64;
constexpr std::int64_t kLongestBetweenLooksMs = 1000;
// What the store forgets goes by slices: to say it more often is of no use.
constexpr std::int64_t kDropsPerWindow = 16;

constexpr std::size_t Index(Side side) {
  return static_cast<std::size_t>(side);
}
constexpr Side Other(Side side) {
  return side == Side::kLeft ? Side::kRight : Side::kLeft;
}

StreamSeq Next(StreamSeq seq) {
  return StreamSeq(seq.rep() + 1);
}

DeadLetter KeyMissing(const BatchJoin::Message& message, std::size_t row, const std::string& key,
                      std::int64_t now_ms) {
  const RowOrigins::Place place = RowOrigins(message.sections).At(row);
  return {.component = "join",
          .reason = DeadLetterReason::kKeyMissing,
          .error = fmt::format("the join key '{}' has no value", key),
          .original_message = RowAsJson(message.columns, row),
          .column = {},
          .code = 0,
          .code_name = {},
          .origin = place.section->origin,
          .offset = place.offset,
          .timestamp_ms = message.timestamps_ms[row],
          .key = {},
          .time_ms = now_ms};
}

std::int64_t Milliseconds(std::chrono::nanoseconds window) {
  return std::chrono::ceil<std::chrono::milliseconds>(window).count();
}

std::uint64_t LayoutOf(const JoinPlan& plan) {
  std::string text = fmt::format("{};{}", plan.sends_unmatched, plan.keys_as_text);
  for (const JoinSidePlan* side : {&plan.left, &plan.right}) {
    text += fmt::format(";{}:{}", side->key, side->window.count());
  }
  for (const JoinPlan::Output& output : plan.outputs) {
    const PlannedField& field = plan.side(output.side).input[output.field];
    text +=
        fmt::format(";{}:{}:{}", Index(output.side), field.name, static_cast<int>(field.physical));
  }
  return Hash64(text);
}

// Whether every message between the two is still there to be taken in.
bool LeadsTo(const JoinSideProgress& from, const JoinSideProgress& to) {
  return from.position.created_ns == to.position.created_ns &&
         from.position.seq <= to.position.seq && Next(from.position.seq) >= to.kept_from;
}

}  // namespace

class BatchJoin::Impl {
 public:
  Impl(JoinPlan plan, ShardId shard, RowStore& rows, std::unique_ptr<BatchTransform> after,
       const Clock& clock)
      : plan_(std::move(plan)),
        shard_(shard),
        rows_(rows),
        after_(std::move(after)),
        clock_(clock),
        left_window_ms_(Milliseconds(plan_.left.window)),
        right_window_ms_(Milliseconds(plan_.right.window)),
        layout_(LayoutOf(plan_)),
        joined_(plan_),
        sides_{SideState(plan_, Side::kLeft, left_window_ms_),
               SideState(plan_, Side::kRight, left_window_ms_ + right_window_ms_)} {}

  Status Resume(const JoinCheckpoint& published, Offset step);
  bool caught_up() const { return caught_up_; }
  bool Wants(Side side) const;
  const SideProgress& progress(Side side) const { return sides_[Index(side)].progress; }

  Status Take(const Message& message, Output& output);
  Result<bool> TakeUnmatched(Output& output);
  Status Commit();
  Result<std::uint64_t> DropOld();
  Result<bool> StreamReplaced(Side which, std::int64_t created_ns);
  const JoinCheckpoint& before() const { return before_; }

 private:
  struct SideState {
    SideState(const JoinPlan& plan, Side side, std::int64_t kept_ms)
        : progress(kept_ms), packed(plan, side) {}
    SideProgress progress;
    PackedRows packed;  // The new rows of the message at hand.
    std::uint64_t next_number = 1;
    std::optional<std::int64_t> dropped_before_ms;
  };
  // A row of the message at hand that was not taken in before.
  struct NewRow {
    KeyHash key;
    std::int64_t time_ms = 0;
    std::int64_t seen_ms = 0;
  };
  struct Pair {
    std::string_view left;
    std::optional<std::string_view> right;
  };

  SideState& side(Side which) { return sides_[Index(which)]; }
  const SideState& side(Side which) const { return sides_[Index(which)]; }

  void Start(Output& output);
  Status FindNewRows(const Message& message, Counts& counts);
  Status ReadRows(const Message& message, Output& output);
  Status MatchLeft(Output& output);
  Status MatchRight(Output& output);
  void KeepRow(Side which, std::size_t row);
  bool IsOver(std::int64_t left_ms) const;
  void TakeIn(const Message& message);
  void ReleaseMessages();
  Result<std::int64_t> FindUnmatched(std::int64_t before_ms);
  Status DropSentBefore(std::int64_t before_ms);
  Status CheckCaughtUp();
  Status FillOutput(Output& output);
  Status ApplyAfter(Section section, Output& output);
  Result<std::uint64_t> DropBefore(Side which, std::int64_t before_ms, std::int64_t window_ms);
  JoinCheckpoint Checkpoint() const;

  const JoinPlan plan_;
  const ShardId shard_;
  RowStore& rows_;
  std::unique_ptr<BatchTransform> after_;
  const Clock& clock_;
  const std::int64_t left_window_ms_;
  const std::int64_t right_window_ms_;
  const std::uint64_t layout_;
  JoinedRows joined_;

  SideState sides_[2];
  std::optional<std::int64_t> unmatched_sent_before_ms_;
  Offset step_{0};
  std::uint64_t steps_already_out_ = 0;  // Of what is taken next.
  JoinCheckpoint before_;
  JoinCheckpoint target_;
  bool caught_up_ = false;

  // Of the message at hand.
  std::vector<bool> is_new_;
  std::vector<bool> refused_;  // By section of the message at hand.
  std::vector<NewRow> new_rows_;
  std::string key_;
  std::vector<RowStore::Query> queries_;
  std::vector<RowStore::Match> matches_;
  std::vector<StoredRow> unmatched_;
  std::vector<Pair> pairs_;
  std::vector<ColumnView> views_;
  BatchTransform::Output transformed_;

  // For Commit.
  Side added_side_ = Side::kLeft;
  std::vector<StoredRow> added_;
  std::vector<StoredRow> removed_;
  std::string state_;
};

// --- Where to go on ------------------------------------------------------------------------

Status BatchJoin::Impl::Resume(const JoinCheckpoint& published, Offset step) {
  target_ = published;
  caught_up_ = false;
  steps_already_out_ = published.steps_of_next;
  step_ = Offset(step.rep() - static_cast<std::int64_t>(steps_already_out_));
  for (SideState& of : sides_) of.dropped_before_ms.reset();
  auto stored = protocol::DecodeJoinState(rows_.state());
  const bool usable = stored.ok() && stored.value().layout == layout_ &&
                      LeadsTo(stored.value().checkpoint.left, published.left) &&
                      LeadsTo(stored.value().checkpoint.right, published.right);
  if (usable) {
    for (const Side which : {Side::kLeft, Side::kRight}) {
      side(which).next_number = stored.value().next_number[Index(which)];
    }
    side(Side::kLeft).progress.Start(std::move(stored.value().checkpoint.left));
    side(Side::kRight).progress.Start(std::move(stored.value().checkpoint.right));
  } else {
    PENSTOCK_RETURN_IF_ERROR(rows_.Reset());
    for (SideState& of : sides_) of.next_number = 1;
    side(Side::kLeft).progress.StartAtKept(published.left);
    side(Side::kRight).progress.StartAtKept(published.right);
  }
  // Rows that were sent without a partner are not put into the store again.
  unmatched_sent_before_ms_ = published.unmatched_sent_before_ms;
  return CheckCaughtUp();
}

Status BatchJoin::Impl::CheckCaughtUp() {
  if (caught_up_) return Done{};
  if (progress(Side::kLeft).state().position.seq < target_.left.position.seq) return Done{};
  if (progress(Side::kRight).state().position.seq < target_.right.position.seq) return Done{};
  if (unmatched_sent_before_ms_) {
    PENSTOCK_RETURN_IF_ERROR(DropSentBefore(*unmatched_sent_before_ms_));
  }
  // The same messages give the same; what is kept may reach back further than it must.
  side(Side::kLeft).progress.Start(target_.left);
  side(Side::kRight).progress.Start(target_.right);
  caught_up_ = true;
  return Done{};
}

// Of a store that was behind: rows that have been sent without a partner since.
Status BatchJoin::Impl::DropSentBefore(std::int64_t before_ms) {
  while (true) {
    PENSTOCK_RETURN_IF_ERROR(
        rows_.FindBefore(Side::kLeft, before_ms, kUnmatchedAtOnce, unmatched_));
    if (unmatched_.empty()) return Done{};
    const std::string state = rows_.state();
    PENSTOCK_RETURN_IF_ERROR(
        rows_.Write({.side = Side::kLeft, .added = {}, .removed = unmatched_}, state));
  }
}

bool BatchJoin::Impl::Wants(Side which) const {
  if (caught_up_) {
    if (steps_already_out_ == 0) return true;
    return target_.next ==
           (which == Side::kLeft ? JoinCheckpoint::Next::kLeft : JoinCheckpoint::Next::kRight);
  }
  const JoinSideProgress& target = which == Side::kLeft ? target_.left : target_.right;
  return progress(which).state().position.seq < target.position.seq;
}

// --- Taking a message in -------------------------------------------------------------------

Status BatchJoin::Impl::Take(const Message& message, Output& output) {
  Start(output);
  added_side_ = message.side;
  PENSTOCK_RETURN_IF_ERROR(FindNewRows(message, output.counts));
  PENSTOCK_RETURN_IF_ERROR(ReadRows(message, output));
  PENSTOCK_RETURN_IF_ERROR(message.side == Side::kLeft ? MatchLeft(output) : MatchRight(output));
  TakeIn(message);
  if (!caught_up_) {
    output.letters.clear();
    return Done{};
  }
  return FillOutput(output);
}

void BatchJoin::Impl::Start(Output& output) {
  before_ = Checkpoint();
  output.letters.clear();
  output.waits_ms.clear();
  output.counts = {};
  pairs_.clear();
  added_.clear();
  removed_.clear();
}

// Which rows of the message have not been taken in before.
Status BatchJoin::Impl::FindNewRows(const Message& message, Counts& counts) {
  is_new_.assign(message.timestamps_ms.size(), false);
  refused_.assign(message.sections.size(), false);
  std::size_t row = 0;
  for (std::size_t at = 0; at < message.sections.size(); ++at) {
    const Section& section = message.sections[at];
    Offset taken(-1);
    for (std::size_t before = 0; before < at; ++before) {
      const Section& other = message.sections[before];
      if (!refused_[before] && other.origin == section.origin) taken = std::max(taken, other.last);
    }
    const auto base = progress(message.side).Base(section, message.writer, taken);
    if (!base) {
      refused_[at] = true;
      counts.refused += section.rows();
      row += section.rows();
      continue;
    }
    for (const RecordRun& run : section.runs) {
      if (run.outcome != Outcome::kRow) continue;
      if (row + run.count > is_new_.size()) break;
      for (std::uint32_t i = 0; i < run.count; ++i) {
        is_new_[row++] = run.first.rep() + i > base->rep();
      }
    }
  }
  if (row != is_new_.size()) {
    return Error{
        Remedy::kStop, "corrupt",
        fmt::format("the sections speak of other rows than the {} that are there", is_new_.size())};
  }
  counts.taken = static_cast<std::uint64_t>(std::ranges::count(is_new_, true));
  counts.replayed = is_new_.size() - counts.taken - counts.refused;
  return Done{};
}

// Keys, times and packed fields of the new rows. One without a key is a dead letter.
Status BatchJoin::Impl::ReadRows(const Message& message, Output& output) {
  const std::string& field = plan_.side(message.side).key;
  const auto column = std::ranges::find(message.columns, field, &ColumnView::name);
  if (column == message.columns.end()) {
    return Error{Remedy::kStop, "corrupt", fmt::format("there is no column '{}'", field)};
  }
  const auto seen = progress(message.side).time_ms();
  CellCursor cells(*column);
  const auto form = plan_.keys_as_text ? protocol::KeyForm::kText : protocol::KeyForm::kPart;
  new_rows_.clear();
  for (std::size_t row = 0; row < is_new_.size(); ++row) {
    const Cell cell = cells.Next();
    if (!is_new_[row]) continue;
    if (cell.presence != Presence::kValue) {
      is_new_[row] = false;
      output.letters.push_back(KeyMissing(message, row, field, clock_.WallMs()));
      continue;
    }
    key_.clear();
    protocol::AppendKey(key_, cell, form);
    // No row is newer than the batch that brought it.
    const std::int64_t time_ms = std::min(message.timestamps_ms[row], message.created_ms);
    new_rows_.push_back({.key = KeyHashOf(key_),
                         .time_ms = time_ms,
                         .seen_ms = std::max(time_ms, seen.value_or(time_ms))});
  }
  return side(message.side).packed.Pack(message.columns, message.timestamps_ms, is_new_);
}

// The partner is there, or is waited for.
Status BatchJoin::Impl::MatchLeft(Output& output) {
  queries_.clear();
  for (const NewRow& row : new_rows_) {
    queries_.push_back({.key = row.key,
                        .from_ms = row.seen_ms - right_window_ms_,
                        .until_ms = row.time_ms + left_window_ms_});
  }
  PENSTOCK_RETURN_IF_ERROR(rows_.FindNewest(Side::kRight, queries_, matches_));
  const PackedRows& packed = side(Side::kLeft).packed;
  auto match = matches_.begin();
  for (std::size_t row = 0; row < new_rows_.size(); ++row) {
    if (match != matches_.end() && match->query == row) {
      pairs_.push_back({packed[row], match->row.data});
      output.waits_ms.push_back(0);
      ++match;
    } else if (unmatched_sent_before_ms_ && new_rows_[row].time_ms < *unmatched_sent_before_ms_) {
      pairs_.push_back({packed[row], std::nullopt});
      ++output.counts.unmatched;
    } else if (!plan_.sends_unmatched && IsOver(new_rows_[row].time_ms)) {
      ++output.counts.expired;
    } else {
      KeepRow(Side::kLeft, row);
    }
  }
  output.counts.matched = output.waits_ms.size();
  return Done{};
}

// Each takes the left rows that wait for it; all are kept for those that come.
Status BatchJoin::Impl::MatchRight(Output& output) {
  queries_.clear();
  for (const NewRow& row : new_rows_) {
    queries_.push_back({.key = row.key,
                        .from_ms = row.seen_ms - left_window_ms_,
                        .until_ms = row.time_ms + right_window_ms_});
  }
  PENSTOCK_RETURN_IF_ERROR(rows_.FindAll(Side::kLeft, queries_, matches_));
  std::unordered_set<std::uint64_t> sent;
  for (const RowStore::Match& match : matches_) {
    if (!sent.insert(match.row.number).second) continue;
    pairs_.push_back({match.row.data, side(Side::kRight).packed[match.query]});
    output.waits_ms.push_back(
        std::max(std::int64_t{0}, new_rows_[match.query].time_ms - match.row.time_ms));
    removed_.push_back(match.row);
  }
  output.counts.matched = pairs_.size();
  for (std::size_t row = 0; row < new_rows_.size(); ++row) KeepRow(Side::kRight, row);
  return Done{};
}

void BatchJoin::Impl::KeepRow(Side which, std::size_t row) {
  added_.push_back({.key = new_rows_[row].key,
                    .time_ms = new_rows_[row].time_ms,
                    .seen_ms = new_rows_[row].seen_ms,
                    .number = side(which).next_number++,
                    .data = side(which).packed[row]});
}

// Whether no right row that is still to come can be the partner of a left row of that time.
bool BatchJoin::Impl::IsOver(std::int64_t left_ms) const {
  const auto right_time = progress(Side::kRight).time_ms();
  return right_time && *right_time > left_ms + left_window_ms_;
}

void BatchJoin::Impl::TakeIn(const Message& message) {
  SideProgress::Message taken{.position = message.position,
                              .writer = message.writer,
                              .created_ms = message.created_ms,
                              .newest_ms = {}};
  for (const NewRow& row : new_rows_) {
    taken.newest_ms = std::max(taken.newest_ms.value_or(row.time_ms), row.time_ms);
  }
  side(message.side).progress.Take(taken, message.sections, refused_);
  if (caught_up_) ReleaseMessages();
}

// A left message is needed while one of its rows may wait or, for whoever takes it in again, might
// be thought to; a right one while it may be a partner, also of such a left row.
void BatchJoin::Impl::ReleaseMessages() {
  const auto left_time = progress(Side::kLeft).time_ms();
  const auto right_time = progress(Side::kRight).time_ms();
  if (!right_time) return;
  std::int64_t done_before = *right_time - left_window_ms_;
  if (plan_.sends_unmatched) {
    if (!unmatched_sent_before_ms_) return;
    done_before = std::min(done_before, *unmatched_sent_before_ms_);
  }
  side(Side::kLeft).progress.Release(done_before);
  if (!left_time) return;
  side(Side::kRight).progress.Release(std::min(*left_time, done_before) - right_window_ms_);
}

// --- Rows without a partner ----------------------------------------------------------------

Result<bool> BatchJoin::Impl::TakeUnmatched(Output& output) {
  const auto right_time = progress(Side::kRight).time_ms();
  if (!plan_.sends_unmatched || !caught_up_ || !right_time) return false;
  if (steps_already_out_ > 0 && target_.next != JoinCheckpoint::Next::kUnmatched) return false;
  const std::int64_t over = *right_time - left_window_ms_;
  const std::int64_t look =
      std::clamp(left_window_ms_ / kLooksPerWindow, std::int64_t{1}, kLongestBetweenLooksMs);
  if (unmatched_sent_before_ms_ && over < *unmatched_sent_before_ms_ + look) return false;
  Start(output);
  PENSTOCK_ASSIGN_OR_RETURN(const std::int64_t sent_before, FindUnmatched(over));
  for (const StoredRow& row : unmatched_) pairs_.push_back({row.data, std::nullopt});
  removed_ = unmatched_;
  output.counts.unmatched = pairs_.size();
  unmatched_sent_before_ms_ = sent_before;
  ReleaseMessages();
  if (pairs_.empty() && steps_already_out_ == 0) return false;
  PENSTOCK_RETURN_IF_ERROR(FillOutput(output));
  return true;
}

// The oldest rows, some thousands at most but all of a millisecond. Gives the time before which
// there is no other.
Result<std::int64_t> BatchJoin::Impl::FindUnmatched(std::int64_t before_ms) {
  for (std::size_t limit = kUnmatchedAtOnce;; limit *= 2) {
    PENSTOCK_RETURN_IF_ERROR(rows_.FindBefore(Side::kLeft, before_ms, limit, unmatched_));
    std::ranges::sort(unmatched_, {},
                      [](const StoredRow& row) { return std::pair(row.time_ms, row.number); });
    if (unmatched_.size() < limit) return before_ms;
    const std::int64_t last = unmatched_.back().time_ms;
    if (unmatched_.front().time_ms == last) continue;
    std::erase_if(unmatched_, [&](const StoredRow& row) { return row.time_ms == last; });
    return last;
  }
}

// --- What comes of it ----------------------------------------------------------------------

Status BatchJoin::Impl::FillOutput(Output& output) {
  // What went out before this owner came: the same rows, in the same order.
  const std::size_t already_out = std::min<std::size_t>(steps_already_out_, pairs_.size());
  step_ = Offset(step_.rep() + static_cast<std::int64_t>(already_out));
  joined_.Clear();
  for (const Pair& pair : std::span(pairs_).subspan(already_out)) {
    PENSTOCK_RETURN_IF_ERROR(joined_.Add(pair.left, pair.right));
  }
  steps_already_out_ = 0;
  Section section;
  section.origin = JoinOrigin(shard_);
  section.after = section.last = step_;
  for (std::size_t i = already_out; i < pairs_.size(); ++i) {
    section.Add(step_ = Next(step_), Outcome::kRow);
  }
  Batch& batch = output.batch;
  if (!after_) {
    batch.fingerprints = plan_.fingerprints;
    batch.sections.assign(1, std::move(section));
    joined_.MoveTo(batch);
  } else {
    PENSTOCK_RETURN_IF_ERROR(ApplyAfter(std::move(section), output));
  }
  batch.join = Checkpoint();
  return Done{};
}

Status BatchJoin::Impl::ApplyAfter(Section section, Output& output) {
  views_.clear();
  for (const Column& column : joined_.columns()) views_.push_back(column.View());
  PENSTOCK_RETURN_IF_ERROR(after_->Apply({.sections = std::span(&section, 1),
                                          .timestamps_ms = joined_.timestamps_ms(),
                                          .columns = views_},
                                         transformed_));
  std::swap(output.batch, transformed_.batch);
  output.counts.filtered = transformed_.filtered;
  for (DeadLetter& letter : transformed_.letters) {
    letter.component = "join";
    output.letters.push_back(std::move(letter));
  }
  return Done{};
}

JoinCheckpoint BatchJoin::Impl::Checkpoint() const {
  JoinCheckpoint checkpoint;
  checkpoint.left = progress(Side::kLeft).state();
  checkpoint.right = progress(Side::kRight).state();
  checkpoint.unmatched_sent_before_ms = unmatched_sent_before_ms_;
  return checkpoint;
}

Status BatchJoin::Impl::Commit() {
  protocol::EncodeJoinState({.layout = layout_,
                             .next_number = {sides_[0].next_number, sides_[1].next_number},
                             .checkpoint = Checkpoint()},
                            state_);
  PENSTOCK_RETURN_IF_ERROR(
      rows_.Write({.side = added_side_, .added = added_, .removed = removed_}, state_));
  return CheckCaughtUp();
}

Result<std::uint64_t> BatchJoin::Impl::DropOld() {
  const auto left_time = progress(Side::kLeft).time_ms();
  const auto right_time = progress(Side::kRight).time_ms();
  if (left_time) {
    PENSTOCK_ASSIGN_OR_RETURN(
        std::ignore, DropBefore(Side::kRight, *left_time - right_window_ms_, right_window_ms_));
  }
  if (!right_time) return std::uint64_t{0};
  std::int64_t over = *right_time - left_window_ms_;
  if (plan_.sends_unmatched) {
    if (!unmatched_sent_before_ms_) return std::uint64_t{0};
    over = std::min(over, *unmatched_sent_before_ms_);
  }
  return DropBefore(Side::kLeft, over, left_window_ms_);
}

Result<std::uint64_t> BatchJoin::Impl::DropBefore(Side which, std::int64_t before_ms,
                                                  std::int64_t window_ms) {
  auto& dropped = side(which).dropped_before_ms;
  const std::int64_t step = std::max(std::int64_t{1}, window_ms / kDropsPerWindow);
  if (dropped && before_ms < *dropped + step) return std::uint64_t{0};
  PENSTOCK_ASSIGN_OR_RETURN(const std::uint64_t rows, rows_.DropBefore(which, before_ms));
  dropped = before_ms;
  return rows;
}

Result<bool> BatchJoin::Impl::StreamReplaced(Side which, std::int64_t created_ns) {
  const bool kept = caught_up_;
  if (!caught_up_) {
    PENSTOCK_RETURN_IF_ERROR(rows_.Reset());
    side(Side::kLeft).progress.Start(target_.left);
    side(Side::kRight).progress.Start(target_.right);
    caught_up_ = true;
  }
  JoinSideProgress state = progress(which).state();
  state.position = {.created_ns = created_ns, .seq = StreamSeq(0), .digest = 0};
  state.kept_from = StreamSeq(1);
  state.settled_time_ms = state.time_ms;
  for (TakenIn& taken : state.taken) taken.settled = taken.now;
  side(which).progress.Start(std::move(state));
  return kept;
}

// --- BatchJoin -----------------------------------------------------------------------------

Result<BatchJoin> BatchJoin::Make(JoinPlan plan, ShardId shard, RowStore& rows,
                                  const Clock& clock) {
  std::unique_ptr<BatchTransform> after;
  if (plan.after) {
    PENSTOCK_ASSIGN_OR_RETURN(auto made, BatchTransform::Make(*plan.after, nullptr, clock));
    after = std::make_unique<BatchTransform>(std::move(made));
  }
  return BatchJoin(std::make_unique<Impl>(std::move(plan), shard, rows, std::move(after), clock));
}

BatchJoin::BatchJoin(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BatchJoin::BatchJoin(BatchJoin&&) noexcept = default;
BatchJoin::~BatchJoin() = default;

Status BatchJoin::Resume(const JoinCheckpoint& published, Offset step) {
  return impl_->Resume(published, step);
}
bool BatchJoin::caught_up() const {
  return impl_->caught_up();
}
Result<bool> BatchJoin::StreamReplaced(Side side, std::int64_t created_ns) {
  return impl_->StreamReplaced(side, created_ns);
}
bool BatchJoin::Wants(Side side) const {
  return impl_->Wants(side);
}
const Position& BatchJoin::position(Side side) const {
  return impl_->progress(side).state().position;
}
std::optional<std::int64_t> BatchJoin::time_ms(Side side) const {
  return impl_->progress(side).time_ms();
}
Status BatchJoin::Take(const Message& message, Output& output) {
  return impl_->Take(message, output);
}
Result<bool> BatchJoin::TakeUnmatched(Output& output) {
  return impl_->TakeUnmatched(output);
}
const JoinCheckpoint& BatchJoin::before() const {
  return impl_->before();
}
Status BatchJoin::Commit() {
  return impl_->Commit();
}
Result<std::uint64_t> BatchJoin::DropOld() {
  return impl_->DropOld();
}

}  // namespace penstock::operators
