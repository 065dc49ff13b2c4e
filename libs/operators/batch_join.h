#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/batch.h"
#include "model/dead_letter.h"
#include "model/plan.h"
#include "state/row_store.h"

namespace penstock::operators {

/// What the join stage makes of the messages of a shard's two sides (docs/delivery-guarantees.md,
/// "the join").
///
/// A left row l and a right row r of one key go together when l.seen <= r.time + right window and
/// r.seen <= l.time + left window, where time is Kafka's, and seen how far the row's own side had
/// come when it was taken in, at least its time. A left row is sent once, with the newest such r.
/// So whether a left row has been sent follows from the messages of each side up to some position,
/// in whatever order the two sides took turns: a store that is gone, or behind, is made again by
/// taking messages in once more and sending nothing.
///
/// One owner thread; keeps its memory from message to message. Every call fails as the store does,
/// and then has changed nothing; "disk" may be tried again.
class BatchJoin {
 public:
  struct Message {
    Side side = Side::kLeft;
    Position position;
    ShardId writer;
    std::int64_t created_ms = 0;
    std::span<const Section> sections;
    std::span<const std::int64_t> timestamps_ms;
    std::span<const ColumnView> columns;
  };
  struct Counts {
    std::uint64_t taken = 0;     ///< Rows of the message that are new.
    std::uint64_t replayed = 0;  ///< Rows of it that were taken in before.
    /// Rows of sections that would leave a gap: they are left out, and come again from Kafka.
    std::uint64_t refused = 0;
    std::uint64_t matched = 0;    ///< Left rows that are sent with their partner.
    std::uint64_t unmatched = 0;  ///< Left rows that are sent without one.
    std::uint64_t expired = 0;    ///< Left rows that are not sent, since their window is over.
    std::uint64_t filtered = 0;   ///< Joined rows that the filter drops.
  };
  struct Output {
    /// One section, of JoinOrigin(shard), with a step for each joined row; also when there is none.
    /// Shard and creation time are the caller's to fill in.
    Batch batch;
    std::vector<DeadLetter> letters;
    /// Of each left row that is sent with a partner: how long it waited, by Kafka's time.
    std::vector<std::int64_t> waits_ms;
    Counts counts;
  };

  /// Error code "config": an expression does not compile, or a field is not there.
  static Result<BatchJoin> Make(JoinPlan plan, ShardId shard, state::RowStore& rows,
                                const Clock& clock = SystemClock());
  BatchJoin(BatchJoin&&) noexcept;
  ~BatchJoin();

  /// Goes on after what was published last, `step` and `published`. The store may be behind: then
  /// messages are to be taken in again, from position() on, until caught_up().
  Status Resume(const JoinCheckpoint& published, Offset step);
  bool caught_up() const;
  /// After Resume: the side's stream is another one than what was published speaks of, and is read
  /// from its start. False: rows that only the old one had are lost, with those of the store.
  Result<bool> StreamReplaced(Side side, std::int64_t created_ns);
  /// Whether the next message of the side may be taken: not beyond what was published, before the
  /// other side has caught up, too.
  bool Wants(Side side) const;
  const Position& position(Side side) const;
  /// How far the side's time has come; empty: not known.
  std::optional<std::int64_t> time_ms(Side side) const;

  /// Takes a message in: replaces what is in `output`. Before caught_up() there is none. To be
  /// followed by Commit, when the output is published. Error "section_refused" (kStop): records
  /// are missing in the stream; "corrupt" also where the message has not the plan's columns.
  Status Take(const Message& message, Output& output);

  /// The left rows without a partner whose window is over, some thousands at once, in the same way
  /// as Take. False: there is none now.
  Result<bool> TakeUnmatched(Output& output);

  /// As it was when the message, or the unmatched rows, were begun with: what the first parts of an
  /// output say that does not fit into one message.
  const JoinCheckpoint& before() const;

  /// What was taken goes into the store.
  Status Commit();

  /// Forgets what no row can need any more. Gives how many left rows went without being sent.
  Result<std::uint64_t> DropOld();

 private:
  class Impl;
  explicit BatchJoin(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace penstock::operators
