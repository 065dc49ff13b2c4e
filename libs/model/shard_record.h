#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "model/batch.h"
#include "model/ids.h"

namespace penstock {

/// The exact account of one origin in one shard: what became of its records, by outcome.
/// kRow counts rows that ClickHouse confirmed.
struct Account {
  std::array<std::uint64_t, kOutcomes> records{};

  std::uint64_t& operator[](Outcome outcome) {
    return records.at(static_cast<std::size_t>(outcome));
  }
  std::uint64_t operator[](Outcome outcome) const {
    return records.at(static_cast<std::size_t>(outcome));
  }
  Account& operator+=(const Account& other) {
    for (std::size_t i = 0; i < records.size(); ++i) records[i] += other.records[i];
    return *this;
  }
  std::uint64_t total() const {
    return std::accumulate(records.begin(), records.end(), std::uint64_t{0});
  }
  friend bool operator==(const Account&, const Account&) = default;
};

struct OriginProgress {
  Offset confirmed{-1};  ///< The highest offset that this shard's sink has confirmed.
  Account account;
  /// The account has the shard's records from here on: what came before was done with when the
  /// entry was made. Empty: it was made by a version that did not note it.
  std::optional<Offset> first{};
  friend bool operator==(const OriginProgress&, const OriginProgress&) = default;
};

/// Rows of one origin in an intent: those of the shard with offsets in (lo, hi].
struct IntentRange {
  Origin origin;
  Offset lo;
  Offset hi;
  friend bool operator==(const IntentRange&, const IntentRange&) = default;
};

/// A row that the sink has given up: its dead letter goes out after this is recorded.
struct GivenUp {
  Origin origin;
  Offset offset;
  int code = 0;  ///< ClickHouse's, of its refusal; 0: the row did not fit its columns.
  friend auto operator<=>(const GivenUp&, const GivenUp&) = default;
};

/// A block's rows have numbers, from 0 in the order of origin and offset. A split halves them by
/// number, or by the lowest bits of the hash of their partition in the table.
enum class SplitKind : std::uint8_t { kRows, kPartitions };

/// Most halvings that one split makes at once.
inline constexpr std::uint8_t kMostSplitBits = 12;

/// A block, or a piece of one, that is inserted in 2^`bits` pieces. A piece's path is that of what
/// was split and a digit 0 or 1 for each halving.
struct Split {
  std::string path{};  ///< Empty: the whole block.
  SplitKind kind = SplitKind::kRows;
  std::uint8_t bits = 1;
  friend bool operator==(const Split&, const Split&) = default;
};

/// A recorded decision to insert exactly these rows as one block under `token`, or, once it is
/// split, its pieces under `<token>/<path>`.
struct Intent {
  std::vector<IntentRange> ranges;  ///< Sorted by origin, one each.
  std::string token;
  std::vector<GivenUp> given_up;  ///< Sorted. Rows of the ranges that are not inserted.
  std::vector<Split> splits;      ///< Of what is not done yet.
  /// Paths of pieces whose rows are in the table or given up. Two halves are one: none is the
  /// beginning of another.
  std::vector<std::string> done;
  /// The table's expression whose hash tells kPartitions pieces apart; empty without such a split.
  std::string partition_key;
  /// The last message of the shard's stream that has rows of it; 0: not known.
  StreamSeq through{0};
  friend bool operator==(const Intent&, const Intent&) = default;
};

/// The sink's record of a shard: everything it needs to go on after a crash, in one key-value
/// entry that is written with compare-and-swap. `birth` is new whenever the entry is made anew
/// and grows (it is the wall clock in ms): a record made anew does not trust old messages.
struct ShardRecord {
  std::uint64_t birth = 0;
  std::uint64_t term = 0;  ///< Grows with each taking over.
  Position position;       ///< The last message of the shard's stream that is done with.
  /// Of a shard with a transform: how far that had read its own input then.
  std::optional<Position> input{};
  std::map<Origin, OriginProgress> progress;
  /// Of a shard with a join: what its last message up to `position` says.
  std::optional<JoinCheckpoint> join{};
  std::vector<Intent> intents;  ///< Open ones, in the order in which they are confirmed.
  friend bool operator==(const ShardRecord&, const ShardRecord&) = default;
};

}  // namespace penstock
