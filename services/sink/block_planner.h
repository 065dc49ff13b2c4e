#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/shard_record.h"
#include "sink/block.h"

namespace penstock::sink {

/// Cuts a shard's messages into blocks: decides which rows are new, which are seen again, and
/// where a block ends. A function of the shard's record and the messages: no I/O, no clock.
///
/// The rules are docs/delivery-guarantees.md's: a section is taken when it continues what is
/// planned (after <= base = max(progress, committed - 1)), of it the records above base; one that
/// would leave a gap, or was published under an earlier birth of the record, is left out whole:
/// its rows come again from Kafka. After a restart the record's open intents come first: each
/// becomes a block of exactly its ranges again, whatever the limits say now. Where the stream has
/// not the rows for that any more, all that are open are given up, and their rows are planned
/// like others when they come again. Of what a message says of a stage's inputs a block carries
/// that of the last one that ends in it.
///
/// One owner thread.
class BlockPlanner {
 public:
  struct Limits {
    std::size_t rows = 0;           ///< A block never has more.
    std::size_t message_bytes = 0;  ///< Closes a block when its messages reach this on the wire.
    std::size_t body_bytes = 0;     ///< Closes a block when its rows reach this uncompressed.
  };

  BlockPlanner(std::string pipeline_id, ShardId shard, Limits limits, const ShardRecord& record);

  /// What adding a message has brought to light.
  struct Added {
    std::vector<Error> refused;    ///< One for each section that is left out: "section_refused".
    std::vector<Intent> given_up;  ///< They must leave the record.
  };
  /// Adds the next message of the stream. Blocks that it completes can then be taken.
  Added Add(std::shared_ptr<const HeldMessage> message);

  /// Gives up the open intents that are no blocks yet: the stream that they speak of is gone.
  std::vector<Intent> GiveUpIntents();

  /// The next complete block, in order.
  std::optional<Block> TakeComplete();

  /// From now on; blocks that are complete, or an open intent's, stay as they are.
  void set_limits(Limits limits) { limits_ = limits; }

  /// Ends the block being filled, if it holds anything, so that TakeComplete gives it. A block of
  /// an open intent that is not filled yet stays: it is never cut otherwise than it was.
  void CutOpen();

  /// Whether a block of records is being filled, and since when.
  std::optional<Clock::Time> OpenSince() const;
  /// Whether open intents of the record still wait to become blocks again.
  bool recovering() const { return !intents_.empty(); }

 private:
  /// Where the planner is within a message.
  struct Place {
    std::shared_ptr<const HeldMessage> message;
    std::size_t section = 0;
    std::size_t row = 0;  // Index, in the message, of the next kRow record.
  };

  /// What is kept of the origin of the section at hand, found once a section and block: with a key
  /// that routes rows a section has a run for almost every row.
  struct Current {
    Offset* planned = nullptr;
    Account* account = nullptr;    // In open_; null: not there yet.
    IntentRange* range = nullptr;  // In open_ranges_; null: not there yet.
  };

  void AddSection(Place& place, Added& added);
  std::optional<Error> Refusal(const Section& section, Offset base) const;
  void AddRun(Place& place, const RecordRun& run, Added& added);
  std::size_t Fitting(const Section& section, const RecordRun& run, Offset from) const;
  bool FitsIntent(const Section& section, Offset from) const;
  void Extend(Place& place, const RecordRun& run, Offset from, std::size_t count);
  SectionPiece& PieceOf(const Place& place, Offset lo);
  Offset Base(const Section& section) const;
  Offset Planned(const Section& section) const;
  bool IntentFilled() const;
  static void NumberRows(Block& block);
  void CloseOpen();

  const std::string pipeline_id_;
  const ShardId shard_;
  const Origin join_;  // Of a join's steps.
  Limits limits_;
  const std::uint64_t birth_;
  std::map<Origin, Offset> planned_;  // What is confirmed or in a block already, by origin.
  std::deque<Intent> intents_;        // Open ones of the record that are not blocks again yet.
  std::deque<Block> complete_;
  Block open_;
  std::map<Origin, IntentRange> open_ranges_;
  Current current_;
  std::size_t open_body_bytes_ = 0;
  std::uint64_t next_number_ = 0;
};

}  // namespace penstock::sink
