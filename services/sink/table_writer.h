#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/dead_letter.h"
#include "sink/block.h"

namespace penstock::sink {

/// Why no insert goes through: a closed list, the label of penstock_sink_paused.
enum class PauseReason : std::uint8_t { kTransient, kPressure, kCapacity, kSchema, kAccess, kData };
inline constexpr std::size_t kPauseReasons = 6;

constexpr std::string_view ToText(PauseReason reason) {
  constexpr std::string_view kNames[kPauseReasons] = {"transient", "pressure", "capacity",
                                                      "schema",    "access",   "data"};
  return kNames[static_cast<std::size_t>(reason)];
}

/// A block in the form in which the table takes it.
struct PreparedBlock {
  std::string body;
  std::size_t rows = 0;
  std::size_t raw_bytes = 0;  ///< Before compression.
  /// Rows that no column value could be made of, each with the sentence that says why.
  std::vector<DeadLetter> bad_rows;
  /// Kafka timestamps of every `sample_weight`-th row, for the latency histogram.
  std::vector<std::int64_t> sampled_timestamps_ms;
  std::uint64_t sample_weight = 1;
};

/// How an attempt to reach the table ended, if not well.
struct TableTrouble {
  PauseReason reason = PauseReason::kTransient;
  int code = 0;          ///< ClickHouse's, 0 for none.
  std::string message;   ///< What happened and what to do.
  bool answered = true;  ///< False: the insert may have been applied.
};

/// The table that a pipeline writes into. Thread-safe: the pool's workers share it. Nothing here
/// retries; the caller does.
class TableWriter {
 public:
  virtual ~TableWriter() = default;

  /// Learns the table's columns, if they are not known or `refresh` asks for it.
  virtual std::optional<TableTrouble> Describe(bool refresh, std::stop_token stop) = 0;

  /// Converts and compresses the rows of a block but those given up. Needs a described table.
  /// Fails (kStop) when a message of the block cannot be read.
  virtual Result<PreparedBlock> Prepare(const Block& block) = 0;

  /// Inserts under the token; a repeat of an insert that was applied is of no effect. `block` is
  /// the same afterwards, ready for another attempt.
  virtual std::optional<TableTrouble> Insert(PreparedBlock& block, const Block& origin,
                                             std::stop_token stop) = 0;
};

}  // namespace penstock::sink
