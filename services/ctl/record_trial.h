#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "io/record_source.h"
#include "model/batch.h"
#include "model/column.h"
#include "model/pipeline_spec.h"
#include "model/plan.h"
#include "operators/batch_transform.h"
#include "stage/record_reader.h"
#include "state/memory_key_store.h"

namespace penstock::ctl {

/// What becomes of records of a pipeline, one after the other, by the stages' own code: read as
/// the ingestor reads them, then what the transform makes of them. Asks no server; dedup keys are
/// remembered in memory. One thread.
class RecordTrial {
 public:
  struct Fate {
    Outcome outcome = Outcome::kRow;
    std::vector<Column> columns;  ///< kRow: the row as the sink gets it, the plan's sink_fields.
    std::string reason;           ///< kDeadLetter: a DeadLetterReason's text.
    std::string error;            ///< kDeadLetter: what is wrong.

    std::vector<ColumnView> Views() const;
  };

  /// `clock` outlives it: what expressions take for the time. Error code "config": the plan cannot
  /// run. Of one source, without a join.
  static Result<RecordTrial> Make(const PipelineSpec& spec, const PipelinePlan& plan,
                                  const Clock& clock);

  /// Fails only where a record is not to blame.
  Result<Fate> Take(const io::RecordChunk& chunk, std::size_t index);

 private:
  RecordTrial(const PipelineSpec& spec, const PipelinePlan& plan, stage::RecordReader reader)
      : topic_(spec.sources.front().topic),
        source_(plan.sources.front()),
        reader_(std::move(reader)) {}

  Result<Fate> Transform(std::int32_t partition, const io::Record& record,
                         const std::vector<Column>& columns);

  std::string topic_;
  SourcePlan source_;
  stage::RecordReader reader_;
  std::unique_ptr<state::MemoryKeyStore> keys_ = std::make_unique<state::MemoryKeyStore>();
  std::optional<operators::BatchTransform> transform_;
};

}  // namespace penstock::ctl
