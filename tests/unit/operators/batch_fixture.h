#pragma once

#include <string>
#include <vector>

#include "model/batch.h"
#include "model/plan.h"
#include "operators/batch_transform.h"

namespace penstock::operators {

inline PlannedField FieldOf(std::string name, PhysicalType physical) {
  PlannedField field;
  field.name = std::move(name);
  field.physical = physical;
  return field;
}

inline Origin OriginOf(std::int32_t partition) {
  return {
      .source_id = "s", .topic = "t", .partition = partition, .generation = 1, .incarnation = 1};
}

/// A message of people: `id` int64, `name` string, as the ingestor makes them.
class People {
 public:
  People() {
    columns_.emplace_back("id", PhysicalType::kInt64);
    columns_.emplace_back("name", PhysicalType::kString);
  }
  People& Row(std::int32_t partition, std::int64_t offset, std::int64_t timestamp_ms,
              std::int64_t id, std::string_view name) {
    Add(partition, offset, Outcome::kRow);
    timestamps_ms_.push_back(timestamp_ms);
    columns_[0].Append(Cell::Int64(id));
    columns_[1].Append(name == "null" ? Cell::Missing(Presence::kNull) : Cell::String(name));
    return *this;
  }
  People& Letter(std::int32_t partition, std::int64_t offset) {
    Add(partition, offset, Outcome::kDeadLetter);
    return *this;
  }
  BatchTransform::Input Input() {
    views_.clear();
    for (const Column& column : columns_) views_.push_back(column.View());
    return {.sections = sections_, .timestamps_ms = timestamps_ms_, .columns = views_};
  }
  std::vector<Section>& sections() { return sections_; }

 private:
  void Add(std::int32_t partition, std::int64_t offset, Outcome outcome) {
    if (sections_.empty() || sections_.back().origin.partition != partition) {
      Section& section = sections_.emplace_back();
      section.origin = OriginOf(partition);
      section.after = Offset(offset - 1);
      section.birth = 77;
    }
    sections_.back().Add(Offset(offset), outcome);
  }

  std::vector<Section> sections_;
  std::vector<std::int64_t> timestamps_ms_;
  std::vector<Column> columns_;
  std::vector<ColumnView> views_;
};

inline TransformPlan PeoplePlan() {
  TransformPlan plan;
  plan.source_id = "s";
  plan.input = {FieldOf("id", PhysicalType::kInt64), FieldOf("name", PhysicalType::kString)};
  plan.output = plan.input;
  plan.fingerprints = {1, 2};
  return plan;
}

inline std::vector<std::string> Texts(const Column& column) {
  const ColumnView view = column.View();
  TextCursor cursor(view);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < view.rows; ++i) {
    const std::string text(cursor.Next());
    texts.push_back(view.At(i) == Presence::kValue ? text : "(null)");
  }
  return texts;
}
inline std::vector<std::int64_t> Integers(const Column& column) {
  std::vector<std::int64_t> values;
  for (std::size_t i = 0; i < column.rows(); ++i) {
    values.push_back(column.View().Fixed<std::int64_t>(i));
  }
  return values;
}

/// What became of the records, in order: r, f, d, l.
inline std::string Outcomes(const std::vector<Section>& sections) {
  std::string text;
  for (const Section& section : sections) {
    for (const RecordRun& run : section.runs) {
      text.append(run.count, "rfdl"[static_cast<std::size_t>(run.outcome)]);
    }
  }
  return text;
}

}  // namespace penstock::operators
