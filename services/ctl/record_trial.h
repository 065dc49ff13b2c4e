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
    std::vector<Column> columns;  ///< kRow: the row as the sink, or a join, gets it.
    std::string reason;           ///< kDeadLetter: a DeadLetterReason's text.
    std::string error;            ///< kDeadLetter: what is wrong.

    std::vector<ColumnView> Views() const;
  };

  /// Of one source of the plan; in front of a join what becomes of its records there. `clock`
  /// outlives it: what expressions take for the time. Error code "config": the plan cannot run.
  static Result<RecordTrial> Make(const PipelineSpec& spec, const PipelinePlan& plan,
                                  std::size_t source, const Clock& clock);

  /// The columns of a row.
  const std::vector<PlannedField>& fields() const { return fields_; }

  /// Fails only where a record is not to blame.
  Result<Fate> Take(const io::RecordChunk& chunk, std::size_t index);

 private:
  RecordTrial(std::string topic, SourcePlan source, stage::RecordReader reader)
      : topic_(std::move(topic)), source_(std::move(source)), reader_(std::move(reader)) {}

  Result<Fate> Transform(std::int32_t partition, const io::Record& record,
                         const std::vector<Column>& columns);

  std::string topic_;
  SourcePlan source_;
  stage::RecordReader reader_;
  std::unique_ptr<state::MemoryKeyStore> keys_ = std::make_unique<state::MemoryKeyStore>();
  std::optional<operators::BatchTransform> transform_;
  std::vector<PlannedField> fields_;
};

}  // namespace penstock::ctl
