#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "ctl/record_trial.h"
#include "io/record_source.h"
#include "model/pipeline_spec.h"
#include "model/plan.h"
#include "operators/batch_join.h"
#include "state/memory_row_store.h"

namespace penstock::ctl {

/// What becomes of the records of a pipeline that joins two sources, one after the other, by the
/// stages' own code. A side's time is that of its latest record. Asks no server; rows are held in
/// memory. One thread.
class JoinTrial {
 public:
  using Fates = std::vector<RecordTrial::Fate>;

  /// As RecordTrial::Make.
  static Result<JoinTrial> Make(const PipelineSpec& spec, const PipelinePlan& plan,
                                const Clock& clock);

  /// What became of the record, if it does not get as far as the join, or else of the joined rows
  /// that it makes. Fails only where a record is not to blame.
  Result<Fates> Take(const std::string& source_id, const io::RecordChunk& chunk, std::size_t index);
  /// Every window is over.
  Result<Fates> Finish();

 private:
  struct OfSource {
    RecordTrial trial;
    Side side = Side::kLeft;
    std::map<std::int32_t, Offset> last_offsets{};
    std::int64_t latest_ms = 0;
    std::uint64_t messages = 0;
  };

  JoinTrial(operators::BatchJoin join, std::unique_ptr<state::MemoryRowStore> rows)
      : rows_(std::move(rows)), join_(std::move(join)) {}

  /// A message of the source's next record, or of none.
  Status TakeIn(OfSource& source, std::vector<Section> sections,
                const std::vector<std::int64_t>& timestamps_ms,
                const std::vector<ColumnView>& columns, Fates& fates);
  Status TakeInNoRow(OfSource& source, std::vector<Section> sections, Fates& fates);
  static Section ClockOf(const OfSource& source, std::int32_t partition, Offset last);
  Status Commit(Fates& fates);

  std::unique_ptr<state::MemoryRowStore> rows_;
  operators::BatchJoin join_;
  std::map<std::string, OfSource> sources_;
  operators::BatchJoin::Output output_;
};

}  // namespace penstock::ctl
