#include "operators/shuffle_rows.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "operators/cell_cursor.h"
#include "operators/select_rows.h"
#include "protocol/key_bytes.h"
#include "protocol/routing.h"

namespace penstock::operators {

namespace {

// The shard of each row.
std::vector<std::uint32_t> ShardsOfRows(const Batch& batch, std::string_view key,
                                        protocol::KeyForm form, std::uint32_t shards) {
  const auto column = std::ranges::find(batch.columns, key, &Column::name);
  PENSTOCK_CHECK(column != batch.columns.end(), "the key to shuffle by is a column");
  CellCursor cursor(column->View());
  std::vector<std::uint32_t> of_rows(batch.rows());
  std::string bytes;
  for (std::uint32_t& shard : of_rows) {
    const Cell cell = cursor.Next();
    PENSTOCK_CHECK(cell.presence == Presence::kValue, "a row without the key is no row any more");
    bytes.clear();
    protocol::AppendKey(bytes, cell, form);
    shard = protocol::ShardOfKey(bytes, shards).rep();
  }
  return of_rows;
}

struct ShardRange {
  RowRange rows;
  std::uint32_t shard = 0;
};

std::vector<ShardRange> RangesOf(std::span<const std::uint32_t> of_rows) {
  std::vector<ShardRange> ranges;
  for (std::size_t row = 0; row < of_rows.size(); ++row) {
    if (ranges.empty() || ranges.back().shard != of_rows[row]) {
      ranges.push_back({{row, row}, of_rows[row]});
    }
    ranges.back().rows.last = row + 1;
  }
  return ranges;
}

void Start(const Batch& batch, ShardId shard, ShardId writer, Batch& target) {
  target.fingerprints = batch.fingerprints;
  target.shard = shard;
  target.created_ms = batch.created_ms;
  target.input = batch.input;
  target.writer = writer;
  target.sections.clear();
  target.timestamps_ms.clear();
  if (target.columns.empty()) {
    for (const Column& column : batch.columns) {
      target.columns.emplace_back(column.name(), column.type());
    }
  }
  for (Column& column : target.columns) column.Clear();
}

void DivideSections(const Batch& batch, std::span<const std::uint32_t> of_rows, ShardId writer,
                    std::span<Batch> targets) {
  auto shard = of_rows.begin();
  for (const Section& section : batch.sections) {
    for (Batch& target : targets) target.sections.push_back(WithoutRecords(section));
    for (const RecordRun& run : section.runs) {
      if (run.outcome != Outcome::kRow) {
        targets[writer.rep()].sections.back().runs.push_back(run);
        continue;
      }
      for (std::uint32_t i = 0; i < run.count; ++i) {
        targets[*shard++].sections.back().Add(Offset(run.first.rep() + i), run.outcome);
      }
    }
    for (Batch& target : targets) target.sections.back().last = section.last;
  }
}

}  // namespace

void ShuffleRows(const Batch& batch, std::string_view key, protocol::KeyForm form, ShardId writer,
                 std::span<Batch> targets) {
  for (std::uint32_t shard = 0; shard < targets.size(); ++shard) {
    Start(batch, ShardId(shard), writer, targets[shard]);
  }
  const std::vector<std::uint32_t> of_rows =
      ShardsOfRows(batch, key, form, static_cast<std::uint32_t>(targets.size()));
  DivideSections(batch, of_rows, writer, targets);
  for (std::size_t row = 0; row < of_rows.size(); ++row) {
    targets[of_rows[row]].timestamps_ms.push_back(batch.timestamps_ms[row]);
  }
  const std::vector<ShardRange> ranges = RangesOf(of_rows);
  for (std::size_t i = 0; i < batch.columns.size(); ++i) {
    RowCopier copier(batch.columns[i].View());
    for (const ShardRange& range : ranges) {
      copier.AppendTo(targets[range.shard].columns[i], range.rows);
    }
  }
}

}  // namespace penstock::operators
