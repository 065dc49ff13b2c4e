#include "sink/block_planner.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "base/planted_bug.h"
#include "protocol/shard_record_codec.h"

namespace penstock::sink {

BlockPlanner::BlockPlanner(std::string pipeline_id, ShardId shard, Limits limits,
                           const ShardRecord& record)
    : pipeline_id_(std::move(pipeline_id)),
      shard_(shard),
      join_(JoinOrigin(shard)),
      limits_(limits),
      birth_(record.birth),
      intents_(record.intents.begin(), record.intents.end()) {
  if (!IsPlanted(PlantedBug::kProgressForgotten)) {
    for (const auto& [origin, progress] : record.progress) planned_[origin] = progress.confirmed;
  }
  open_.position = record.position;
}

BlockPlanner::Added BlockPlanner::Add(std::shared_ptr<const HeldMessage> message) {
  Added added;
  const protocol::Envelope& envelope = message->envelope;
  if (open_body_bytes_ > 0 && open_body_bytes_ + envelope.body_bytes > limits_.body_bytes)
    CutOpen();
  Place place{.message = message, .section = 0, .row = 0};
  for (; place.section < envelope.sections.size(); ++place.section) {
    AddSection(place, added);
  }
  if (!open_.has_messages) open_.oldest = message->arrived;
  open_.has_messages = true;
  open_.position.seq = message->seq;
  open_.position.digest = envelope.digest;
  if (envelope.join) open_.join = envelope.join;
  if (envelope.input) open_.input = envelope.input;
  const bool full = open_.rows >= limits_.rows || open_body_bytes_ >= limits_.body_bytes ||
                    open_.message_bytes >= limits_.message_bytes;
  if (recovering() ? IntentFilled() : full) {
    CloseOpen();
  } else if (recovering() && intents_.front().through.rep() != 0 &&
             message->seq >= intents_.front().through) {
    added.given_up = GiveUpIntents();
  }
  return added;
}

std::vector<Intent> BlockPlanner::GiveUpIntents() {
  std::vector<Intent> given_up(std::make_move_iterator(intents_.begin()),
                               std::make_move_iterator(intents_.end()));
  intents_.clear();
  return given_up;
}

std::optional<Block> BlockPlanner::TakeComplete() {
  if (complete_.empty()) return std::nullopt;
  std::optional<Block> block(std::move(complete_.front()));
  complete_.pop_front();
  return block;
}

void BlockPlanner::CutOpen() {
  if (!recovering() && (open_.has_messages || !open_.slices.empty())) CloseOpen();
}

std::optional<Clock::Time> BlockPlanner::OpenSince() const {
  if (!open_.has_messages && open_.slices.empty()) return std::nullopt;
  return open_.oldest;
}

Offset BlockPlanner::Planned(const Section& section) const {
  const auto planned = planned_.find(section.origin);
  return planned == planned_.end() ? Offset(-1) : planned->second;
}

// Everything below the committed offset is accounted for in ClickHouse, whichever shard had it.
Offset BlockPlanner::Base(const Section& section) const {
  // Of steps a record made anew knows nothing, and what the stream still has is what is not
  // confirmed: there is one writer, and it leaves none out.
  if (section.origin == join_ && !planned_.contains(join_)) return section.after;
  return std::max(Planned(section), Before(section.committed));
}

std::optional<Error> BlockPlanner::Refusal(const Section& section, Offset base) const {
  if (section.birth < birth_ && section.origin != join_) {
    return Error{Remedy::kStop, "section_refused",
                 fmt::format("rows of {} were published under the sink's record of {}, which has "
                             "since been made anew ({}): they prove nothing",
                             ToText(section.origin), section.birth, birth_)};
  }
  if (section.after > base) {
    return Error{Remedy::kStop, "section_refused",
                 fmt::format("rows of {} continue offset {}, but only {} is known here: offsets "
                             "between are missing in the stream",
                             ToText(section.origin), section.after.rep(), base.rep())};
  }
  return std::nullopt;
}

void BlockPlanner::AddSection(Place& place, Added& added) {
  const Section& section = place.message->envelope.sections[place.section];
  const Offset base = Base(section);
  if (auto refusal = Refusal(section, base)) {
    added.refused.push_back(std::move(*refusal));
    place.row += section.rows();
    for (const RecordRun& run : section.runs) open_.replayed += run.count;
    return;
  }
  // The record learns it too: a later section may rest on it and know of an older commit only.
  if (base > Planned(section)) open_.committed[section.origin] = planned_[section.origin] = base;
  current_ = {.planned = &planned_.try_emplace(section.origin, Offset(-1)).first->second};
  for (const RecordRun& run : section.runs) AddRun(place, run, added);
  // What comes next continues the section's end, also where its last record lies before it.
  if (section.last > *current_.planned) {
    open_.committed[section.origin] = *current_.planned = section.last;
  }
}

void BlockPlanner::AddRun(Place& place, const RecordRun& run, Added& added) {
  const Section& section = place.message->envelope.sections[place.section];
  const std::int64_t end = run.first.rep() + run.count;
  std::int64_t from = std::clamp(current_.planned->rep() + 1, run.first.rep(), end);
  const auto seen_again = static_cast<std::size_t>(from - run.first.rep());
  open_.replayed += seen_again;
  if (run.outcome == Outcome::kRow) place.row += seen_again;
  while (from < end) {
    if (recovering() && !IntentFilled() && !FitsIntent(section, Offset(from))) {
      added.given_up = GiveUpIntents();
    }
    const std::size_t count =
        std::min(Fitting(section, run, Offset(from)), static_cast<std::size_t>(end - from));
    if (count == 0) {
      CloseOpen();
      continue;
    }
    Extend(place, run, Offset(from), count);
    from += static_cast<std::int64_t>(count);
  }
}

bool BlockPlanner::FitsIntent(const Section& section, Offset from) const {
  return std::ranges::any_of(intents_.front().ranges, [&](const IntentRange& range) {
    return range.origin == section.origin && from <= range.hi;
  });
}

// How many records of the run, beginning at `from`, the open block can take; 0: it is complete.
std::size_t BlockPlanner::Fitting(const Section& section, const RecordRun& run, Offset from) const {
  if (!recovering()) {
    if (run.outcome != Outcome::kRow) return std::size_t{run.count};
    return limits_.rows - std::min(limits_.rows, open_.rows);
  }
  for (const IntentRange& range : intents_.front().ranges) {
    if (range.origin == section.origin && from <= range.hi) {
      return static_cast<std::size_t>(range.hi.rep() - from.rep() + 1);
    }
  }
  return 0;
}

void BlockPlanner::Extend(Place& place, const RecordRun& run, Offset from, std::size_t count) {
  const Section& section = place.message->envelope.sections[place.section];
  const Offset lo = *current_.planned;
  const Offset hi(from.rep() + static_cast<std::int64_t>(count) - 1);
  if (open_.slices.empty() && !open_.has_messages) open_.oldest = place.message->arrived;
  SectionPiece& piece = PieceOf(place, lo);
  piece.hi = hi;
  if (run.outcome == Outcome::kRow) {
    piece.rows += count;
    open_.rows += count;
    place.row += count;
    const protocol::Envelope& envelope = place.message->envelope;
    open_body_bytes_ += envelope.body_bytes * count / envelope.rows;
  }
  if (current_.range == nullptr) {
    current_.account = &open_.accounts[section.origin];
    current_.range =
        &open_ranges_.try_emplace(section.origin, section.origin, lo, hi).first->second;
  }
  (*current_.account)[run.outcome] += count;
  *current_.planned = hi;
  current_.range->hi = hi;
}

SectionPiece& BlockPlanner::PieceOf(const Place& place, Offset lo) {
  if (open_.slices.empty() || open_.slices.back().message != place.message) {
    open_.slices.push_back({place.message, {}});
    open_.message_bytes += place.message->data.size();
  }
  std::vector<SectionPiece>& pieces = open_.slices.back().pieces;
  if (pieces.empty() || pieces.back().section != place.section) {
    pieces.push_back({.section = place.section, .lo = lo, .hi = lo, .first_row = place.row});
  }
  return pieces.back();
}

bool BlockPlanner::IntentFilled() const {
  return std::ranges::all_of(intents_.front().ranges, [&](const IntentRange& range) {
    const auto planned = planned_.find(range.origin);
    return planned != planned_.end() && planned->second >= range.hi;
  });
}

void BlockPlanner::NumberRows(Block& block) {
  struct Entry {
    const Origin* origin;
    SectionPiece* piece;
  };
  std::vector<Entry> entries;
  for (Slice& slice : block.slices) {
    for (SectionPiece& piece : slice.pieces) {
      entries.push_back({&slice.message->envelope.sections[piece.section].origin, &piece});
    }
  }
  std::ranges::sort(entries, [](const Entry& a, const Entry& b) {
    return std::tie(*a.origin, a.piece->lo) < std::tie(*b.origin, b.piece->lo);
  });
  std::size_t number = 0;
  for (const Entry& entry : entries) {
    entry.piece->first_number = number;
    number += entry.piece->rows;
  }
}

void BlockPlanner::CloseOpen() {
  current_.account = nullptr;
  current_.range = nullptr;
  Block closed = std::exchange(open_, Block{});
  open_.position = closed.position;
  if (recovering()) {
    closed.intent = std::move(intents_.front());
    closed.recorded = closed.inherited = true;
    intents_.pop_front();
  } else {
    for (auto& [origin, range] : open_ranges_) closed.intent.ranges.push_back(std::move(range));
    closed.intent.token = protocol::InsertToken(pipeline_id_, shard_, closed.intent.ranges);
    if (!closed.slices.empty()) closed.intent.through = closed.slices.back().message->seq;
  }
  NumberRows(closed);
  closed.number = next_number_++;
  open_ranges_.clear();
  open_body_bytes_ = 0;
  complete_.push_back(std::move(closed));
}

}  // namespace penstock::sink
