#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/batch.h"
#include "model/first_row.h"
#include "state/key_filter.h"

namespace penstock::state {

/// A run: first rows of one slice of time in the order of their keys, written once, as one file of
/// RocksDB. The keys of page p are those whose top half lies in the p-th of `pages` equal parts of
/// its range, so a key's page is computed, not looked up.
struct RunInfo {
  std::int64_t slice = 0;
  std::uint64_t number = 0;  ///< In the order in which runs were begun.
  std::uint64_t rows = 0;
  std::uint32_t pages = 0;
  /// Messages of the key log: the rows are of `log_from` or later, those of another log than `log`
  /// (which has been lost) apart. Everything up to `log` was in the store when the run was written;
  /// how far the store is, says the run with the highest `log_order`.
  StreamSeq log_from;
  Position log;
  std::uint64_t log_order = 0;
  std::vector<std::uint64_t> replaces;  ///< Runs that were merged into this one.
};

struct Run {
  RunInfo info;
  KeyFilter filter;
};

/// A page of a run, in the order in which they lie in RocksDB.
struct PageRef {
  std::int64_t slice = 0;
  std::uint64_t run = 0;
  std::uint32_t page = 0;
  friend auto operator<=>(const PageRef&, const PageRef&) = default;
};

inline std::uint32_t PageOf(const RunInfo& run, const KeyHash& key) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint32_t>((static_cast<Wide>(key.high) * run.pages) >> 64);
}

}  // namespace penstock::state
