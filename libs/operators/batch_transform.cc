#include "operators/batch_transform.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/format.h"
#include "model/row_json.h"
#include "operators/deduplicator.h"
#include "operators/row_expressions.h"
#include "operators/row_origins.h"
#include "operators/select_rows.h"

namespace penstock::operators {

class BatchTransform::Impl {
 public:
  Impl(TransformPlan plan, std::unique_ptr<RowExpressions> expressions, state::KeyStore* keys,
       const Clock& clock)
      : plan_(std::move(plan)), expressions_(std::move(expressions)), clock_(clock) {
    if (!plan_.dedup_key.empty()) dedup_.emplace(plan_, *keys);
  }

  Status Apply(const Input& input, Output& output);

 private:
  Status Evaluate(const Input& input, Output& output);
  void RequireShuffleKey(const Input& input, Output& output);
  Status Deduplicate(const Input& input, Output& output);
  Status Build(const Input& input, Output& output);
  std::vector<RowRange> KeptOfPassed() const;
  void AddLetter(const Input& input, std::size_t row, DeadLetterReason reason, std::string error,
                 Output& output);

  const TransformPlan plan_;
  std::unique_ptr<RowExpressions> expressions_;
  std::optional<Deduplicator> dedup_;
  const Clock& clock_;

  // Of the message at hand.
  std::vector<Outcome> outcomes_;  // One a row.
  std::vector<RowExpressions::Failure> failures_;
  std::vector<Outcome> evaluated_;  // What the expressions said, where there are any.
  std::vector<Deduplicator::Row> keyed_;
  std::vector<std::size_t> without_key_;
};

namespace {

const ColumnView* FindColumn(std::span<const ColumnView> columns, const PlannedField& field) {
  const auto found = std::ranges::find(columns, field.name, &ColumnView::name);
  return found == columns.end() || found->type != field.physical ? nullptr : &*found;
}

Status CheckInput(const TransformPlan& plan, const BatchTransform::Input& input) {
  std::size_t rows = 0;
  for (const Section& section : input.sections) rows += section.rows();
  if (rows != input.timestamps_ms.size()) {
    return Error{Remedy::kStop, "corrupt",
                 fmt::format("the sections speak of {} rows, there are {}", rows,
                             input.timestamps_ms.size())};
  }
  for (const PlannedField& field : plan.input) {
    if (FindColumn(input.columns, field) != nullptr) continue;
    return Error{
        Remedy::kStop, "corrupt",
        fmt::format("the column '{}' of the pipeline is not there, or of another type: the "
                    "message was written under another version of the document",
                    field.name)};
  }
  return Done{};
}

}  // namespace

Status BatchTransform::Impl::Apply(const Input& input, Output& output) {
  PENSTOCK_RETURN_IF_ERROR(CheckInput(plan_, input));
  output.letters.clear();
  output.first_rows.clear();
  outcomes_.assign(input.timestamps_ms.size(), Outcome::kRow);
  PENSTOCK_RETURN_IF_ERROR(Evaluate(input, output));
  RequireShuffleKey(input, output);
  PENSTOCK_RETURN_IF_ERROR(Deduplicate(input, output));
  output.filtered = static_cast<std::uint64_t>(std::ranges::count(outcomes_, Outcome::kFiltered));
  output.duplicates =
      static_cast<std::uint64_t>(std::ranges::count(outcomes_, Outcome::kDuplicate));
  return Build(input, output);
}

Status BatchTransform::Impl::Evaluate(const Input& input, Output& output) {
  if (!expressions_->any()) return Done{};
  failures_.clear();
  expressions_->Apply(input.columns, outcomes_, failures_);
  for (RowExpressions::Failure& failure : failures_) {
    AddLetter(input, failure.row, DeadLetterReason::kExpressionError,
              std::move(failure.error.detail), output);
  }
  // What the outputs have computed: a row for each of these, whatever comes now.
  evaluated_ = outcomes_;
  return Done{};
}

// Before the dedup: a row that cannot go on is no first of its key.
void BatchTransform::Impl::RequireShuffleKey(const Input& input, Output& output) {
  if (plan_.shuffle_key.empty()) return;
  const auto column = std::ranges::find(input.columns, plan_.shuffle_key, &ColumnView::name);
  if (!column->HasGaps()) return;
  for (std::size_t row = 0; row < outcomes_.size(); ++row) {
    if (outcomes_[row] != Outcome::kRow || column->At(row) == Presence::kValue) continue;
    outcomes_[row] = Outcome::kDeadLetter;
    AddLetter(input, row, DeadLetterReason::kKeyMissing,
              fmt::format("the join key ({}) has no value", plan_.shuffle_key), output);
  }
}

Status BatchTransform::Impl::Deduplicate(const Input& input, Output& output) {
  if (!dedup_) return Done{};
  without_key_.clear();
  PENSTOCK_RETURN_IF_ERROR(dedup_->ReadKeys(input.columns, outcomes_, keyed_, without_key_));
  for (const std::size_t row : without_key_) {
    AddLetter(input, row, DeadLetterReason::kKeyMissing,
              fmt::format("the dedup key ({}) has no value", fmt::join(plan_.dedup_key, ", ")),
              output);
  }
  RowOrigins origins(input.sections);
  for (Deduplicator::Row& row : keyed_) {
    const RowOrigins::Place place = origins.At(row.index);
    row.id = {place.section->origin.generation, place.section->origin.partition, place.offset};
    row.timestamp_ms = input.timestamps_ms[row.index];
  }
  return dedup_->Decide(keyed_, outcomes_, output.first_rows);
}

Status BatchTransform::Impl::Build(const Input& input, Output& output) {
  Batch& batch = output.batch;
  batch.fingerprints = plan_.fingerprints;
  batch.sections = WithOutcomes(input.sections, outcomes_);
  const std::vector<RowRange> kept = KeptRanges(outcomes_);
  batch.timestamps_ms.clear();
  for (const RowRange& range : kept) {
    const auto rows = input.timestamps_ms.subspan(range.first, range.last - range.first);
    batch.timestamps_ms.insert(batch.timestamps_ms.end(), rows.begin(), rows.end());
  }
  if (batch.columns.empty()) {
    for (const PlannedField& field : plan_.output) {
      batch.columns.emplace_back(field.name, field.physical);
    }
  }
  for (Column& column : batch.columns) column.Clear();

  const std::vector<Column>& computed = expressions_->columns();
  const std::vector<RowRange> kept_of_passed =
      computed.empty() ? std::vector<RowRange>() : KeptOfPassed();
  for (std::size_t i = 0; i < batch.columns.size(); ++i) {
    if (i < computed.size()) {
      AppendRanges(computed[i].View(), kept_of_passed, batch.columns[i]);
    } else {
      AppendRanges(*FindColumn(input.columns, plan_.output[i]), kept, batch.columns[i]);
    }
  }
  return Done{};
}

// In rows of the outputs' columns, which are those that passed the expressions.
std::vector<RowRange> BatchTransform::Impl::KeptOfPassed() const {
  std::vector<Outcome> passed;
  for (std::size_t i = 0; i < outcomes_.size(); ++i) {
    if (evaluated_[i] == Outcome::kRow) passed.push_back(outcomes_[i]);
  }
  return KeptRanges(passed);
}

void BatchTransform::Impl::AddLetter(const Input& input, std::size_t row, DeadLetterReason reason,
                                     std::string error, Output& output) {
  const RowOrigins::Place place = RowOrigins(input.sections).At(row);
  output.letters.push_back({.component = "transform",
                            .reason = reason,
                            .error = std::move(error),
                            .original_message = RowAsJson(input.columns, row),
                            .column = {},
                            .code = 0,
                            .code_name = {},
                            .origin = place.section->origin,
                            .offset = place.offset,
                            .timestamp_ms = input.timestamps_ms[row],
                            .key = {},
                            .time_ms = clock_.WallMs()});
}

Result<BatchTransform> BatchTransform::Make(TransformPlan plan, state::KeyStore* keys,
                                            const Clock& clock) {
  for (std::size_t i = 0; i < plan.output.size(); ++i) {
    const PlannedField& field = plan.output[i];
    const bool computed = std::ranges::any_of(plan.outputs, [&](const StatelessOutput& output) {
      return output.output_name == field.name;
    });
    const auto same = [&](const PlannedField& input) {
      return input.name == field.name && input.physical == field.physical;
    };
    if (!computed && std::ranges::none_of(plan.input, same)) {
      return Error{Remedy::kStop, "config",
                   fmt::format("the field '{}' is to be passed on, but the ingestor does not send "
                               "it",
                               field.name)};
    }
  }
  PENSTOCK_CHECK(plan.shuffle_key.empty() ||
                     (std::ranges::count(plan.input, plan.shuffle_key, &PlannedField::name) == 1 &&
                      std::ranges::count(plan.output, plan.shuffle_key, &PlannedField::name) == 1),
                 "the planner passes the key of the shuffle on");
  PENSTOCK_ASSIGN_OR_RETURN(auto expressions, RowExpressions::Make(plan, clock));
  return BatchTransform(
      std::make_unique<Impl>(std::move(plan), std::move(expressions), keys, clock));
}

BatchTransform::BatchTransform(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BatchTransform::BatchTransform(BatchTransform&&) noexcept = default;
BatchTransform::~BatchTransform() = default;

Status BatchTransform::Apply(const Input& input, Output& output) {
  return impl_->Apply(input, output);
}

}  // namespace penstock::operators
