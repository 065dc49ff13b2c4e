#include "ctl/record_trial.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

namespace penstock::ctl {

namespace {

std::vector<ColumnView> ViewsOf(const std::vector<Column>& columns) {
  std::vector<ColumnView> views;
  views.reserve(columns.size());
  for (const Column& column : columns) views.push_back(column.View());
  return views;
}

// The transform that takes the source's records; null: none does.
const TransformPlan* TransformOf(const PipelinePlan& plan, const SourcePlan& source) {
  if (!plan.join) return plan.transform ? &*plan.transform : nullptr;
  const bool left = plan.join->left.source_id == source.source_id;
  const auto& dedup = left ? plan.join->left.dedup : plan.join->right.dedup;
  return dedup ? &*dedup : nullptr;
}

}  // namespace

std::vector<ColumnView> RecordTrial::Fate::Views() const {
  return ViewsOf(columns);
}

Result<RecordTrial> RecordTrial::Make(const PipelineSpec& spec, const PipelinePlan& plan,
                                      std::size_t source, const Clock& clock) {
  const SourcePlan& of = plan.sources.at(source);
  PENSTOCK_ASSIGN_OR_RETURN(
      stage::RecordReader reader,
      stage::RecordReader::Make({.plan = of, .shards = spec.resources.shards}));
  RecordTrial trial(spec.sources.at(source).topic, of, std::move(reader));
  if (const TransformPlan* const transform = TransformOf(plan, of)) {
    state::KeyStore* const keys = transform->dedup_key.empty() ? nullptr : trial.keys_.get();
    PENSTOCK_ASSIGN_OR_RETURN(operators::BatchTransform made,
                              operators::BatchTransform::Make(*transform, keys, clock));
    trial.transform_.emplace(std::move(made));
    trial.fields_ = transform->output;
  } else {
    std::ranges::copy_if(of.fields, std::back_inserter(trial.fields_), &PlannedField::sent);
  }
  return trial;
}

Result<RecordTrial::Fate> RecordTrial::Take(const io::RecordChunk& chunk, std::size_t index) {
  const auto row = reader_.Read(chunk, index);
  if (!row.ok()) {
    const Error& error = row.error();
    if (error.remedy != Remedy::kDeadLetter) return error;
    return Fate{.outcome = Outcome::kDeadLetter,
                .columns = {},
                .reason = std::string(error.code),
                .error = error.detail};
  }
  std::vector<Column> columns;
  std::size_t cell = 0;
  for (const PlannedField& field : source_.fields) {
    if (!field.sent) continue;
    columns.emplace_back(field.name, field.physical).Append(row.value().cells[cell++]);
  }
  if (transform_) return Transform(chunk.partition(), chunk.records()[index], columns);
  return Fate{.outcome = Outcome::kRow, .columns = std::move(columns), .reason = {}, .error = {}};
}

// A message of one row.
Result<RecordTrial::Fate> RecordTrial::Transform(std::int32_t partition, const io::Record& record,
                                                 const std::vector<Column>& columns) {
  Section section;
  section.origin = {.source_id = source_.source_id, .topic = topic_, .partition = partition};
  section.after = Before(record.offset);
  section.Add(record.offset, Outcome::kRow);
  const std::vector<ColumnView> views = ViewsOf(columns);
  operators::BatchTransform::Output output;
  PENSTOCK_RETURN_IF_ERROR(transform_->Apply({.sections = std::span(&section, 1),
                                              .timestamps_ms = std::span(&record.timestamp_ms, 1),
                                              .columns = views},
                                             output));
  PENSTOCK_RETURN_IF_ERROR(keys_->Add(output.first_rows, {}));
  Fate fate;
  fate.outcome = output.batch.sections.at(0).runs.at(0).outcome;
  if (fate.outcome == Outcome::kRow) fate.columns = std::move(output.batch.columns);
  if (!output.letters.empty()) {
    fate.reason = ToText(output.letters.front().reason);
    fate.error = output.letters.front().error;
  }
  return fate;
}

}  // namespace penstock::ctl
