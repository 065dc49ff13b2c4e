#include "ctl/join_trial.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "operators/select_rows.h"

namespace penstock::ctl {

namespace {

// Later than any record.
constexpr std::int64_t kEndOfTime = std::numeric_limits<std::int64_t>::max() / 4;

RecordTrial::Fate FateOf(Outcome outcome) {
  return {.outcome = outcome, .columns = {}, .reason = {}, .error = {}};
}

RecordTrial::Fate RowOf(const Batch& batch, std::size_t row) {
  RecordTrial::Fate fate = FateOf(Outcome::kRow);
  const operators::RowRange range[] = {{row, row + 1}};
  for (const Column& column : batch.columns) {
    operators::AppendRanges(column.View(), range,
                            fate.columns.emplace_back(column.name(), column.type()));
  }
  return fate;
}

}  // namespace

Result<JoinTrial> JoinTrial::Make(const PipelineSpec& spec, const PipelinePlan& plan,
                                  const Clock& clock) {
  auto rows = std::make_unique<state::MemoryRowStore>();
  PENSTOCK_ASSIGN_OR_RETURN(auto join,
                            operators::BatchJoin::Make(*plan.join, ShardId(0), *rows, clock));
  JoinTrial trial(std::move(join), std::move(rows));
  PENSTOCK_RETURN_IF_ERROR(trial.join_.Resume({}, Offset(0)));
  for (std::size_t i = 0; i < plan.sources.size(); ++i) {
    PENSTOCK_ASSIGN_OR_RETURN(auto of_source, RecordTrial::Make(spec, plan, i, clock));
    const std::string& source_id = plan.sources[i].source_id;
    const Side side = plan.join->left.source_id == source_id ? Side::kLeft : Side::kRight;
    trial.sources_.emplace(source_id, OfSource{.trial = std::move(of_source), .side = side});
  }
  return trial;
}

Result<JoinTrial::Fates> JoinTrial::Take(const std::string& source_id, const io::RecordChunk& chunk,
                                         std::size_t index) {
  OfSource& source = sources_.at(source_id);
  const io::Record& record = chunk.records()[index];
  PENSTOCK_ASSIGN_OR_RETURN(RecordTrial::Fate fate, source.trial.Take(chunk, index));
  Fates fates;
  source.latest_ms = std::max(source.latest_ms, record.timestamp_ms);
  Section section = ClockOf(source, chunk.partition(), Before(record.offset));
  section.Add(record.offset, fate.outcome);
  Offset& last = source.last_offsets.try_emplace(chunk.partition(), -1).first->second;
  last = std::max(last, record.offset);
  if (fate.outcome == Outcome::kRow) {
    PENSTOCK_RETURN_IF_ERROR(
        TakeIn(source, {std::move(section)}, {record.timestamp_ms}, fate.Views(), fates));
  } else {
    fates.push_back(std::move(fate));
    PENSTOCK_RETURN_IF_ERROR(TakeInNoRow(source, {std::move(section)}, fates));
  }
  return fates;
}

Result<JoinTrial::Fates> JoinTrial::Finish() {
  Fates fates;
  for (auto& [source_id, source] : sources_) {
    source.latest_ms = kEndOfTime;
    source.last_offsets.try_emplace(0, -1);
    PENSTOCK_RETURN_IF_ERROR(TakeInNoRow(source, {}, fates));
  }
  return fates;
}

// Every partition of the source has come as far in time as the one with the latest record.
Section JoinTrial::ClockOf(const OfSource& source, std::int32_t partition, Offset last) {
  Section section;
  section.origin = {.source_id = {}, .topic = {}, .partition = partition};
  section.after = section.last = last;
  section.committed = Next(last);
  section.clock_ms = source.latest_ms;
  return section;
}

Status JoinTrial::TakeInNoRow(OfSource& source, std::vector<Section> sections, Fates& fates) {
  std::vector<ColumnView> columns;
  for (const PlannedField& field : source.trial.fields()) {
    columns.push_back(
        {.name = field.name, .type = field.physical, .rows = 0, .data = {}, .presence = {}});
  }
  return TakeIn(source, std::move(sections), {}, columns, fates);
}

Status JoinTrial::TakeIn(OfSource& source, std::vector<Section> sections,
                         const std::vector<std::int64_t>& timestamps_ms,
                         const std::vector<ColumnView>& columns, Fates& fates) {
  for (const auto& [partition, last] : source.last_offsets) {
    const bool there = !sections.empty() && sections.front().origin.partition == partition;
    if (!there) sections.push_back(ClockOf(source, partition, last));
  }
  PENSTOCK_RETURN_IF_ERROR(join_.Take({.side = source.side,
                                       .position = {0, StreamSeq(++source.messages), 0},
                                       .writer = ShardId(0),
                                       .created_ms = kEndOfTime,
                                       .sections = sections,
                                       .timestamps_ms = timestamps_ms,
                                       .columns = columns},
                                      output_));
  PENSTOCK_RETURN_IF_ERROR(Commit(fates));
  while (true) {
    PENSTOCK_ASSIGN_OR_RETURN(const bool taken, join_.TakeUnmatched(output_));
    if (!taken) return Done{};
    PENSTOCK_RETURN_IF_ERROR(Commit(fates));
  }
}

Status JoinTrial::Commit(Fates& fates) {
  for (std::size_t row = 0; row < output_.batch.rows(); ++row) {
    fates.push_back(RowOf(output_.batch, row));
  }
  for (std::uint64_t i = 0; i < output_.counts.filtered; ++i) {
    fates.push_back(FateOf(Outcome::kFiltered));
  }
  for (const DeadLetter& letter : output_.letters) {
    fates.push_back(FateOf(Outcome::kDeadLetter));
    fates.back().reason = ToText(letter.reason);
    fates.back().error = letter.error;
  }
  return join_.Commit();
}

}  // namespace penstock::ctl
