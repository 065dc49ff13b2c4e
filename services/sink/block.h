#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/byte_budget.h"
#include "base/clock.h"
#include "model/batch.h"
#include "model/shard_record.h"
#include "protocol/batch_codec.h"

namespace penstock::sink {

/// A message of the shard's stream while its rows are on their way. Shared by the blocks that are
/// cut from it: the last of them frees it, and with it the budget's bytes.
struct HeldMessage {
  StreamSeq seq;
  std::string data;
  protocol::Envelope envelope;
  Clock::Time arrived{};
  ByteBudget::Permit permit;
};

/// Records of one section that a block takes: those with offsets in (lo, hi]. `first_row` is the
/// row index, within the message, of the first kRow record above `lo`; `rows` how many follow.
struct SectionPiece {
  std::size_t section = 0;
  Offset lo;
  Offset hi;
  std::size_t first_row = 0;
  std::size_t rows = 0;
  /// Of its first row, among all of the block in the order of origin and offset: the same
  /// whatever messages brought them.
  std::size_t first_number = 0;
};

/// What a block takes of one message. The pieces' rows do not overlap and grow.
struct Slice {
  std::shared_ptr<const HeldMessage> message;
  std::vector<SectionPiece> pieces;
};

/// Rows that are inserted together, with all that confirming them changes in the shard's record.
struct Block {
  std::uint64_t number = 0;  ///< In the order of cutting, which is the order of confirming.
  std::vector<Slice> slices;
  std::size_t rows = 0;
  std::size_t message_bytes = 0;  ///< Of the slices' messages, on the wire.
  Clock::Time oldest{};           ///< When the first of its records arrived.
  Intent intent;                  ///< Ranges for each origin touched, the token, rows given up.
  bool recorded = false;          ///< The intent is in the shard's record.
  bool inherited = false;         ///< And was when this process took the shard over.
  /// By row number, the hash of the row's partition; empty until a split needs it.
  std::vector<std::uint64_t> partition_hashes;
  Position position;  ///< The last message that is done with once this is confirmed.
  /// What the last message that ends in it says of the transform's input; empty: none ends in it,
  /// or there is no transform.
  std::optional<Position> input{};
  /// The same of a join's inputs.
  std::optional<JoinCheckpoint> join{};
  std::map<Origin, Account> accounts;  ///< What it adds to the account of each origin.
  /// Origins whose progress moves beyond their ranges: by Kafka's committed offset, or to the end
  /// of a section that has no record there.
  std::map<Origin, Offset> committed;
  /// Records on the way to it that are of no effect: seen again, or left out.
  std::uint64_t replayed = 0;
  bool has_messages = false;  ///< It ends at least one message: `position` moves.

  /// Without ranges there is nothing to record or insert: only the position moves.
  bool has_ranges() const { return !intent.ranges.empty(); }
};

}  // namespace penstock::sink
