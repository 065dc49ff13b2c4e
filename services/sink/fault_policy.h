#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/backoff.h"
#include "sink/table_writer.h"

namespace penstock::sink {

/// What is known of a piece of a block when an attempt to insert it has failed.
struct PieceHistory {
  std::size_t rows = 0;  ///< In it, without those given up.
  /// Some attempt to insert these rows, perhaps of an earlier process, has had no answer.
  bool unanswered = false;
  int memory_refusals = 0;   ///< Of this piece.
  int unknown_refusals = 0;  ///< Of this piece, with a code that no table has.
  /// Of the block and its pieces, with that code.
  int block_unknown_refusals = 0;
  /// Since the first of them, something else went into the table.
  bool others_inserted = false;
};

/// What to do next about a piece.
enum class Step : std::uint8_t {
  kRetry,      ///< The same again, after a pause.
  kDescribe,   ///< After a pause, look at the table again and make the piece anew.
  kHalve,      ///< Two halves by row number.
  kPartition,  ///< Pieces by partition.
  kGiveUp,     ///< The one row of it is a dead letter.
};

/// The table of docs/delivery-guarantees.md ("What the sink does about an error"), as a function.
///
/// A split repeats rows if the whole was applied after all. The server refuses rows and partitions
/// before it writes, so a split for them is safe at any time; one for memory is not once an attempt
/// went unanswered.
Step NextStep(const TableTrouble& trouble, const PieceHistory& history);

/// The waits between attempts: from `first` (the pool's option, 100 ms) on, as the class asks.
Backoff BackoffFor(clickhouse::ErrorClass error_class, std::chrono::milliseconds first);

}  // namespace penstock::sink
