#include "operators/row_expressions.h"

#include <cmath>
#include <set>
#include <utility>

#include "base/text.h"
#include "expr/json_writer.h"
#include "expr/utf8.h"

namespace penstock::operators {

namespace {

expr::FieldTable FieldsOf(const TransformPlan& plan) {
  std::set<std::string, std::less<>> names;
  for (const PlannedField& field : plan.input) names.insert(field.name);
  return expr::FieldTable(std::move(names));
}

// Text that was cut within a character: a JSON record could not carry it.
void AppendValidUtf8(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const expr::Rune rune = expr::DecodeRune(text);
    expr::AppendRune(out, rune.code);
    text.remove_prefix(rune.length);
  }
}

Error AsConfigError(Error error, std::string_view what) {
  return Error{Remedy::kStop, "config", std::move(error).Within(what).detail};
}

}  // namespace

RowExpressions::RowExpressions(expr::FieldTable fields, const Clock& clock)
    : fields_(std::move(fields)), evaluator_(clock), row_(fields_) {}

Result<std::unique_ptr<RowExpressions>> RowExpressions::Make(const TransformPlan& plan,
                                                             const Clock& clock) {
  std::unique_ptr<RowExpressions> made(new RowExpressions(FieldsOf(plan), clock));
  if (!plan.filter.empty()) {
    auto filter = expr::Program::Compile(plan.filter, {}, made->fields_);
    if (!filter.ok()) return AsConfigError(std::move(filter).error(), "filter");
    made->filter_ = std::move(filter).value();
  }
  if (plan.outputs.empty()) return made;
  std::vector<expr::OutputSpec> specs;
  for (const StatelessOutput& output : plan.outputs) {
    specs.push_back({output.expression, output.output_name, output.output_type});
  }
  auto outputs = expr::Outputs::Make(specs, made->fields_);
  if (!outputs.ok()) return AsConfigError(std::move(outputs).error(), "stateless transformation");
  made->outputs_ = std::move(outputs).value();
  for (const PlannedField& field : plan.output) {
    // Of several outputs by one name the last counts.
    const auto& all = made->outputs_->outputs();
    for (std::size_t i = all.size(); i-- > 0;) {
      if (all[i].name != field.name) continue;
      made->output_of_column_.push_back(i);
      made->columns_.emplace_back(field.name, field.physical);
      break;
    }
  }
  made->texts_.resize(made->columns_.size());
  made->cells_.resize(made->columns_.size());
  return made;
}

void RowExpressions::Apply(std::span<const ColumnView> columns, std::span<Outcome> rows,
                           std::vector<Failure>& failures) {
  for (Column& column : columns_) column.Clear();
  row_.Start(columns);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Result<bool> keeps = ApplyRow();
    if (!keeps.ok()) {
      failures.push_back({i, keeps.error()});
      rows[i] = Outcome::kDeadLetter;
    } else {
      rows[i] = keeps.value() ? Outcome::kRow : Outcome::kFiltered;
    }
  }
}

Result<bool> RowExpressions::ApplyRow() {
  evaluator_.StartRow();
  row_.Next();
  if (filter_) {
    PENSTOCK_ASSIGN_OR_RETURN(const bool keeps, evaluator_.Keeps(*filter_, row_));
    if (!keeps) return false;
  }
  if (outputs_) {
    PENSTOCK_RETURN_IF_ERROR(outputs_->Evaluate(evaluator_, row_, values_));
    PENSTOCK_RETURN_IF_ERROR(AppendOutputs());
  }
  return true;
}

Status RowExpressions::AppendOutputs() {
  for (std::size_t i = 0; i < columns_.size(); ++i) PENSTOCK_RETURN_IF_ERROR(Prepare(i));
  for (std::size_t i = 0; i < columns_.size(); ++i) columns_[i].Append(cells_[i]);
  return Done{};
}

// The value of a column as a cell: what a record with it would hold.
Status RowExpressions::Prepare(std::size_t column) {
  const auto& output = outputs_->outputs()[output_of_column_[column]];
  const expr::Value& value = values_[output_of_column_[column]];
  Cell& cell = cells_[column];
  switch (output.type) {
    case expr::OutputType::kString:
      cell = Cell::String(value.string());
      if (!IsUtf8(value.string())) {
        texts_[column].clear();
        AppendValidUtf8(texts_[column], value.string());
        cell = Cell::String(texts_[column]);
      }
      return Done{};
    case expr::OutputType::kInt:
      cell = Cell::Int64(value.integer);
      return Done{};
    case expr::OutputType::kFloat64:
      if (!std::isfinite(value.number)) {
        return expr::RowError(output.program.source(), 0,
                              "the result is infinite or not a number, for which JSON has no form");
      }
      cell = Cell::Float64(value.number);
      return Done{};
    case expr::OutputType::kBool:
      cell = Cell::Bool(value.boolean);
      return Done{};
    case expr::OutputType::kAsIs:
      break;
  }
  if (value.IsNil()) {
    cell = Cell::Missing(Presence::kNull);
    return Done{};
  }
  texts_[column].clear();
  expr::Context& context = evaluator_.context();
  expr::AppendJson(context, texts_[column], value, false);
  if (context.failed()) return expr::RowError(output.program.source(), 0, context.error());
  cell = Cell::Json(texts_[column]);
  return Done{};
}

}  // namespace penstock::operators
