#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
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
  struct Options {
    TransformPlan plan;
    /// Of a batch, before compression: more rows become a further batch.
    std::size_t max_batch_bytes = 0;
    std::string component = "transform";  ///< Of dead letters.
  };
  struct Input {
    std::span<const Section> sections;
    std::span<const std::int64_t> timestamps_ms;  ///< Kafka's, one a row.
    std::span<const ColumnView> columns;          ///< Those of the plan's input, by name.
  };
  struct Output {
    /// At least one, also when no row is left. Their sections follow each other: those of an origin
    /// in a later batch continue where the earlier batch ended.
    std::vector<Batch> batches;
    std::vector<DeadLetter> letters;
    /// New ones of this message: logged before the batches are published, then added to the store.
    std::vector<FirstRow> first_rows;
    std::uint64_t filtered = 0;
    std::uint64_t duplicates = 0;
  };

  /// `keys` is null where the plan has no dedup, else it outlives this. Error code "config": an
  /// expression does not compile.
  static Result<BatchTransform> Make(Options options, state::KeyStore* keys, const Clock& clock);

  BatchTransform(BatchTransform&&) noexcept;
  ~BatchTransform();

  /// Replaces what is in `output`. Fails as the key store does, or (kStop, "corrupt") when a column
  /// of the plan is not in the input.
  Status Apply(const Input& input, Output& output);

 private:
  class Impl;
  explicit BatchTransform(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace penstock::operators
