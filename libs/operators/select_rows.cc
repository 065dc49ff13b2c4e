#include "operators/select_rows.h"

#include "base/check.h"

namespace penstock::operators {

namespace {

void AppendFixedRanges(const ColumnView& from, std::span<const RowRange> ranges, Column& to) {
  const std::size_t width = FixedWidth(from.type);
  for (const RowRange& range : ranges) {
    const std::size_t rows = range.last - range.first;
    to.AppendRows(from.data.substr(range.first * width, rows * width),
                  from.HasGaps() ? from.presence.substr(range.first, rows) : std::string_view(),
                  rows);
  }
}

void AppendTextRanges(const ColumnView& from, std::span<const RowRange> ranges, Column& to) {
  TextCursor cursor(from);
  std::size_t row = 0;
  for (const RowRange& range : ranges) {
    const std::size_t rows = range.last - range.first;
    cursor.Skip(range.first - row);
    const char* const begin = cursor.at();
    cursor.Skip(rows);
    row = range.last;
    to.AppendRows({begin, static_cast<std::size_t>(cursor.at() - begin)},
                  from.HasGaps() ? from.presence.substr(range.first, rows) : std::string_view(),
                  rows);
  }
}

Section Head(const Section& of) {
  Section head = of;
  head.runs.clear();
  return head;
}

void AddRun(Section& section, Offset first, std::uint32_t count, Outcome outcome) {
  if (count == 0) return;
  section.Add(first, outcome);
  section.runs.back().count += count - 1;
  section.last = Offset(first.rep() + count - 1);
}

// The section's records before, and from, its `rows`-th row on.
std::pair<Section, Section> Cut(const Section& section, std::size_t rows) {
  Section before = Head(section);
  Section from = Head(section);
  for (const RecordRun& run : section.runs) {
    const std::uint32_t taken =
        run.outcome == Outcome::kRow
            ? static_cast<std::uint32_t>(std::min<std::size_t>(rows, run.count))
            : (rows > 0 ? run.count : 0);
    if (run.outcome == Outcome::kRow) rows -= taken;
    AddRun(before, run.first, taken, run.outcome);
    AddRun(from, Offset(run.first.rep() + taken), run.count - taken, run.outcome);
  }
  from.after = before.last;
  from.last = section.last;
  return {std::move(before), std::move(from)};
}

}  // namespace

std::vector<RowRange> KeptRanges(std::span<const Outcome> outcomes) {
  std::vector<RowRange> ranges;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i] != Outcome::kRow) continue;
    if (ranges.empty() || ranges.back().last != i) ranges.push_back({i, i});
    ranges.back().last = i + 1;
  }
  return ranges;
}

void AppendRanges(const ColumnView& from, std::span<const RowRange> ranges, Column& to) {
  PENSTOCK_CHECK(from.type == to.type(), "rows go into a column of their type");
  if (FixedWidth(from.type) != 0) return AppendFixedRanges(from, ranges, to);
  AppendTextRanges(from, ranges, to);
}

std::vector<Section> WithOutcomes(std::span<const Section> sections,
                                  std::span<const Outcome> outcomes) {
  std::vector<Section> changed;
  std::size_t row = 0;
  for (const Section& section : sections) {
    Section& to = changed.emplace_back(Head(section));
    for (const RecordRun& run : section.runs) {
      if (run.outcome != Outcome::kRow) {
        AddRun(to, run.first, run.count, run.outcome);
        continue;
      }
      for (std::uint32_t i = 0; i < run.count; ++i) {
        to.Add(Offset(run.first.rep() + i), outcomes[row++]);
      }
    }
    to.last = section.last;
  }
  return changed;
}

std::pair<Batch, Batch> Halve(const Batch& batch) {
  const std::size_t half = batch.rows() / 2;
  std::pair<Batch, Batch> halves;
  for (Batch* part : {&halves.first, &halves.second}) {
    part->fingerprints = batch.fingerprints;
    part->shard = batch.shard;
    part->created_ms = batch.created_ms;
    part->input = batch.input;
  }
  std::size_t left = half;
  for (const Section& section : batch.sections) {
    const std::size_t rows = section.rows();
    if (left == 0) {
      halves.second.sections.push_back(section);
    } else if (rows <= left) {
      halves.first.sections.push_back(section);
      left -= rows;
    } else {
      auto [before, from] = Cut(section, left);
      halves.first.sections.push_back(std::move(before));
      halves.second.sections.push_back(std::move(from));
      left = 0;
    }
  }
  const auto middle = batch.timestamps_ms.begin() + static_cast<std::ptrdiff_t>(half);
  halves.first.timestamps_ms.assign(batch.timestamps_ms.begin(), middle);
  halves.second.timestamps_ms.assign(middle, batch.timestamps_ms.end());
  for (const Column& column : batch.columns) {
    const RowRange first[] = {{0, half}};
    const RowRange second[] = {{half, batch.rows()}};
    AppendRanges(column.View(), first,
                 halves.first.columns.emplace_back(column.name(), column.type()));
    AppendRanges(column.View(), second,
                 halves.second.columns.emplace_back(column.name(), column.type()));
  }
  return halves;
}

}  // namespace penstock::operators
