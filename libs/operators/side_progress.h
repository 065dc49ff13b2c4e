#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "model/batch.h"

namespace penstock::operators {

/// How far a join has come with one side: what it has taken in of each origin, how far the side's
/// time has come, and which messages are still needed to take the rows in again.
///
/// The side's time is the least of its origins' clocks. An origin without a clock yet holds it
/// back; one without a batch for an hour, by the times at which batches were made, does not. It
/// never goes back. All of it is a function of the messages of the side's stream, in their order,
/// and of nothing else. One owner thread.
class SideProgress {
 public:
  static constexpr std::int64_t kIdleAfterMs = 3'600'000;

  /// `window_ms`: how long rows are needed; kept messages are told apart by sixteenths of it.
  explicit SideProgress(std::int64_t window_ms) : window_ms_(window_ms) {}

  /// Goes on after `state`.
  void Start(JoinSideProgress state);
  /// Takes the kept messages in again: as it was before `state.kept_from`.
  void StartAtKept(const JoinSideProgress& state);

  const JoinSideProgress& state() const { return state_; }
  std::optional<std::int64_t> time_ms() const { return state_.time_ms; }

  /// Records of the section up to here have been taken in (at least up to `taken`), or are in
  /// ClickHouse. Empty: records between are missing.
  std::optional<Offset> Base(const Section& section, ShardId writer, Offset taken) const;

  struct Message {
    Position position;
    ShardId writer;
    std::int64_t created_ms = 0;
    std::optional<std::int64_t> newest_ms;  ///< Of the rows that were taken in.
  };
  /// The message is taken in, but for the sections that Base has refused.
  void Take(const Message& message, std::span<const Section> sections,
            const std::vector<bool>& refused);

  /// Rows older than this are not needed any more: messages without others are not kept.
  void Release(std::int64_t before_ms);

 private:
  /// Kept messages from `first` up to the next slice.
  struct Slice {
    StreamSeq first;
    std::optional<std::int64_t> oldest_ms;
    std::optional<std::int64_t> newest_ms;
    std::optional<std::int64_t> time_before_ms;
    std::vector<TakenIn> taken_before;
  };

  const TakenIn* Find(const Origin& origin, ShardId writer) const;
  TakenIn& FindOrAdd(const Origin& origin, ShardId writer);
  Slice& SliceFor(const Message& message);
  void Settle(const std::vector<TakenIn>& taken);
  void UpdateTime(std::int64_t created_ms);

  const std::int64_t window_ms_;
  JoinSideProgress state_;
  std::deque<Slice> slices_;
};

}  // namespace penstock::operators
