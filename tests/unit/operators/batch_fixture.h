#pragma once

#include <initializer_list>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/format.h"
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

/// A few sections with records of every outcome and gaps of every kind: `n` int64, `s` string, and
/// `key` string, which has a value in every row.
inline Batch RandomBatch(std::mt19937_64& random) {
  Batch batch;
  batch.shard = ShardId(3);
  batch.columns.emplace_back("n", PhysicalType::kInt64);
  batch.columns.emplace_back("s", PhysicalType::kString);
  batch.columns.emplace_back("key", PhysicalType::kString);
  std::int64_t offset = 0;
  const std::size_t sections = 1 + random() % 4;
  for (std::size_t i = 0; i < sections; ++i) {
    Section& section = batch.sections.emplace_back();
    section.origin = OriginOf(static_cast<std::int32_t>(i % 2));
    section.after = Offset(offset);
    section.committed = Offset(offset / 2);
    section.clock_ms = offset * 11;
    const std::size_t records = random() % 12;
    for (std::size_t k = 0; k < records; ++k) {
      offset += 1 + static_cast<std::int64_t>(random() % 3);
      const auto outcome = static_cast<Outcome>(random() % 8 < 6 ? 0 : random() % kOutcomes);
      section.Add(Offset(offset), outcome);
      if (outcome != Outcome::kRow) continue;
      batch.timestamps_ms.push_back(offset * 10);
      batch.columns[0].Append(random() % 5 == 0 ? Cell::Missing(Presence::kNull)
                                                : Cell::Int64(offset));
      batch.columns[1].Append(random() % 5 == 0 ? Cell::Missing(Presence::kAbsent)
                                                : Cell::String(fmt::format("{}", offset)));
      batch.columns[2].Append(Cell::String(fmt::format("key {}", random() % 20)));
    }
    section.last = Offset(offset + static_cast<std::int64_t>(random() % 3));
    offset = section.last.rep();
  }
  return batch;
}

/// What a reader of the stream gets to know: every row with its place, and the ends of the
/// sections.
inline std::vector<std::string> Told(std::initializer_list<const Batch*> batches) {
  std::vector<std::string> told;
  for (const Batch* batch : batches) {
    std::size_t row = 0;
    for (const Section& section : batch->sections) {
      for (const RecordRun& run : section.runs) {
        for (std::uint32_t i = 0; i < run.count; ++i) {
          std::string line = fmt::format("{} {} {}", section.origin.partition, run.first.rep() + i,
                                         static_cast<int>(run.outcome));
          if (run.outcome == Outcome::kRow) {
            line += fmt::format(" {}", batch->timestamps_ms.at(row));
            for (const Column& column : batch->columns) {
              const ColumnView view = column.View();
              EXPECT_EQ(view.rows, batch->rows());
              if (view.At(row) != Presence::kValue) {
                line += fmt::format(" {}", static_cast<int>(view.At(row)));
              } else if (view.type == PhysicalType::kInt64) {
                line += fmt::format(" {}", view.Fixed<std::int64_t>(row));
              } else {
                line += " " + Texts(column).at(row);
              }
            }
            ++row;
          }
          told.push_back(line);
        }
      }
    }
    EXPECT_EQ(row, batch->rows());
  }
  return told;
}

}  // namespace penstock::operators
