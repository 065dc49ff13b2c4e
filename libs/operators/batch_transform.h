#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/batch.h"
#include "model/dead_letter.h"
#include "model/first_row.h"
#include "model/plan.h"
#include "state/key_store.h"

namespace penstock::operators {

/// What the transform stage makes of the rows of one message: filter, outputs, dedup. A function
/// of the rows and of what the key store remembers, so that a message that is read again gives the
/// same answer. One owner thread; keeps its memory from message to message.
class BatchTransform {
 public:
  struct Input {
    std::span<const Section> sections;
    std::span<const std::int64_t> timestamps_ms;  ///< Kafka's, one a row.
    std::span<const ColumnView> columns;          ///< At least those of the plan's input, by name.
  };
  struct Output {
    /// Sections as in the input, with what became of each record; also when no row is left. Its
    /// shard, creation time and input position are the caller's to fill in.
    Batch batch;
    std::vector<DeadLetter> letters;
    /// New ones of this message: to be logged before the batch is published, and added to the store
    /// after.
    std::vector<FirstRow> first_rows;
    std::uint64_t filtered = 0;
    std::uint64_t duplicates = 0;
  };

  /// `keys` is null where the plan has no dedup, else it outlives this. Error code "config": an
  /// expression does not compile, or a field of the plan is not in its input.
  static Result<BatchTransform> Make(TransformPlan plan, state::KeyStore* keys,
                                     const Clock& clock = SystemClock());

  BatchTransform(BatchTransform&&) noexcept;
  ~BatchTransform();

  /// Replaces what is in `output`. Fails as the key store does, or (kStop, "corrupt") when the
  /// input does not have the plan's columns or as many rows as its sections say.
  Status Apply(const Input& input, Output& output);

 private:
  class Impl;
  explicit BatchTransform(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace penstock::operators
