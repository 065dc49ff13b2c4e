#include "operators/select_rows.h"

#include "base/check.h"

namespace penstock::operators {

namespace {

void AddRun(Section& section, Offset first, std::uint32_t count, Outcome outcome) {
  if (count == 0) return;
  section.Add(first, outcome);
  section.runs.back().count += count - 1;
  section.last = Offset(first.rep() + count - 1);
}

// The section's records before, and from, its `rows`-th row on.
std::pair<Section, Section> Cut(const Section& section, std::size_t rows) {
  Section before = WithoutRecords(section);
  Section from = WithoutRecords(section);
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
  before.clock_ms.reset();  // That is the time at the section's end.
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

void RowCopier::AppendTo(Column& to, const RowRange& range) {
  PENSTOCK_CHECK(from_.type == to.type(), "rows go into a column of their type");
  const std::size_t rows = range.last - range.first;
  to.AppendRows(DataOf(range),
                from_.HasGaps() ? from_.presence.substr(range.first, rows) : std::string_view(),
                rows);
}

std::string_view RowCopier::DataOf(const RowRange& range) {
  const std::size_t width = FixedWidth(from_.type);
  if (width != 0) return from_.data.substr(range.first * width, (range.last - range.first) * width);
  text_.Skip(range.first - row_);
  const char* const begin = text_.at();
  text_.Skip(range.last - range.first);
  row_ = range.last;
  return {begin, static_cast<std::size_t>(text_.at() - begin)};
}

void AppendRanges(const ColumnView& from, std::span<const RowRange> ranges, Column& to) {
  RowCopier copier(from);
  for (const RowRange& range : ranges) copier.AppendTo(to, range);
}

Section WithoutRecords(const Section& section) {
  Section empty = section;
  empty.runs.clear();
  return empty;
}

std::vector<Section> WithOutcomes(std::span<const Section> sections,
                                  std::span<const Outcome> outcomes) {
  std::vector<Section> changed;
  std::size_t row = 0;
  for (const Section& section : sections) {
    Section& to = changed.emplace_back(WithoutRecords(section));
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
    part->writer = batch.writer;
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
