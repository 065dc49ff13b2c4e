#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "model/batch.h"
#include "model/first_row.h"

namespace penstock::state {

/// The first rows of a shard's dedup keys: the local copy of its key log. One owner thread.
///
/// Error codes: "corrupt" (kStop): what is stored cannot be trusted, Reset and read the log again;
/// "disk" (kRetry): no room or no access, nothing was changed.
class KeyStore {
 public:
  virtual ~KeyStore() = default;

  struct Match {
    std::size_t index = 0;  ///< Of the key that was asked for.
    RecordId id;
    std::int64_t timestamp_ms = 0;
  };
  /// Every first row that is remembered for any of `keys`, in the order of their indexes, those of
  /// one key in any order. A key may have several (of different windows), most have none. Replaces
  /// what is in `found`.
  virtual Status Find(std::span<const KeyHash> keys, std::vector<Match>& found) = 0;

  /// Remembers these rows. `log` is the message of the key log that holds them: everything up to
  /// it is in the store then, atomically with the rows. Rows that are remembered already are no
  /// error; no rows just move the position.
  virtual Status Add(std::span<const FirstRow> rows, const Position& log) = 0;

  /// Everything up to this message of the key log is in the store; seq 0: it is empty, or the log
  /// is to be read from its start. Kept with the rows.
  virtual Position log() const = 0;
  /// The key log is another one, or shorter, than the store knew: sets log(), keeps the rows.
  virtual Status Rebase(const Position& log) = 0;

  /// Forgets rows older than this, in whole slices of time: some may stay for an eighth of the
  /// window longer. Gives the first message of the key log that holds a row which is still
  /// remembered, as far as is known; the one after log() when there is none.
  virtual Result<StreamSeq> DropBefore(std::int64_t timestamp_ms) = 0;

  /// Empties it.
  virtual Status Reset() = 0;

  struct Stats {
    std::uint64_t rows = 0;  ///< Remembered; some may count twice until runs are merged.
    std::uint64_t runs = 0;
    std::uint64_t disk_bytes = 0;
    std::uint64_t filter_bytes = 0;
    std::uint64_t index_bytes = 0;
    std::uint64_t recent_bytes = 0;
    std::uint64_t page_reads = 0;  ///< Since it was opened: pages that RocksDB was asked for.
  };
  virtual Stats stats() const = 0;
};

}  // namespace penstock::state
