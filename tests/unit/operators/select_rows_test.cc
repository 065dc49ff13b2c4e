#include "operators/select_rows.h"

#include <random>

#include <gtest/gtest.h>

#include "base/format.h"
#include "batch_fixture.h"

namespace penstock::operators {
namespace {

Batch RandomBatch(std::mt19937_64& random) {
  Batch batch;
  batch.shard = ShardId(3);
  batch.columns.emplace_back("n", PhysicalType::kInt64);
  batch.columns.emplace_back("s", PhysicalType::kString);
  std::int64_t offset = 0;
  const std::size_t sections = 1 + random() % 4;
  for (std::size_t i = 0; i < sections; ++i) {
    Section& section = batch.sections.emplace_back();
    section.origin = OriginOf(static_cast<std::int32_t>(i % 2));
    section.after = Offset(offset);
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
    }
    section.last = Offset(offset + static_cast<std::int64_t>(random() % 3));
    offset = section.last.rep();
  }
  return batch;
}

// What a reader of the stream gets to know: every row with its place, and the ends of the sections.
std::vector<std::string> Told(std::initializer_list<const Batch*> batches) {
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

TEST(SelectRowsTest, LawTwoHalvesSayWhatTheWholeSaid) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 500; ++i) {
    const Batch whole = RandomBatch(random);
    if (whole.rows() < 2) continue;
    const auto [first, second] = Halve(whole);
    EXPECT_EQ(first.rows(), whole.rows() / 2);
    EXPECT_EQ(Told({&whole}), Told({&first, &second}));
    // A section that is cut goes on where it was cut.
    const Section& cut = first.sections.back();
    const Section& next = second.sections.front();
    if (first.sections.size() + second.sections.size() > whole.sections.size()) {
      EXPECT_EQ(cut.origin, next.origin);
      EXPECT_EQ(cut.last, next.after);
    }
    EXPECT_EQ(second.sections.back().last, whole.sections.back().last);
  }
}

}  // namespace
}  // namespace penstock::operators
