#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace penstock::ctl {

/// What a process of a run used, over all its lives.
struct ProcessUse {
  std::string name;   ///< "sink-0".
  std::string stage;  ///< "sink", "nats-server".
  std::uint64_t starts = 0;
  double cpu_seconds = 0;
  std::uint64_t peak_resident_bytes = 0;
};

/// What a run came to.
struct Summary {
  std::string pipeline_id;
  std::string ended;  ///< "idle", "stopped" or "failed".
  /// The shards' own account: exact whatever died. Else what the processes counted.
  bool exact = false;
  /// Records that came to their end: inserted, or one of the others. With a join all that were
  /// read, and inserted and filtered are joined rows.
  std::uint64_t rows_in = 0;
  std::uint64_t rows_inserted = 0;
  std::uint64_t rows_filtered = 0;
  std::uint64_t rows_duplicate = 0;
  std::uint64_t dead_letters = 0;
  double seconds = 0;      ///< From the first record read to the last one accounted for.
  double run_seconds = 0;  ///< From start to end.
  std::optional<double> latency_p50_seconds;
  std::optional<double> latency_p95_seconds;
  std::vector<ProcessUse> processes;

  double RowsPerSecond() const;
};

std::string SummaryText(const Summary& summary);
/// One JSON object; docs in services/ctl/README.md.
std::string SummaryJson(const Summary& summary);

}  // namespace penstock::ctl
