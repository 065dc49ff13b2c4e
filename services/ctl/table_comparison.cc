#include "ctl/table_comparison.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/format.h"
#include "model/clickhouse_type.h"

namespace penstock::ctl {

namespace {

// Offsets that are looked at together: what ClickHouse sorts, and what it answers with, is no more.
constexpr std::int64_t kSlice = 1 << 20;
// Gaps that are no further apart are looked for in Kafka in one go.
constexpr std::int64_t kNear = 10'000;
constexpr std::size_t kShownRuns = 20;
constexpr std::size_t kNamedRuns = 1'000;
constexpr std::uint64_t kMostLetters = 1'000'000;

std::int64_t RowsOf(const PartitionLedger& ledger) {
  std::uint64_t rows = ledger.replayed[Outcome::kRow];
  for (const OriginLedger& origin : ledger.origins) rows += origin.account[Outcome::kRow];
  return static_cast<std::int64_t>(rows);
}

const PartitionLedger& PartitionOf(const Ledger& ledger, const PartitionPlace& place) {
  static const PartitionLedger kNothing;
  const auto found = ledger.partitions.find(place);
  return found == ledger.partitions.end() ? kNothing : found->second;
}

Offset BeginOf(const PartitionSum& sum) {
  Offset begin = sum.origins.empty() ? Offset(0) : sum.origins.front().from;
  for (const OriginSum& origin : sum.origins) begin = std::min(begin, origin.from);
  return begin;
}

std::string AboutOf(const PartitionPlace& place) {
  return fmt::format("{}/{}", place.topic, place.partition);
}

// Engines that make one row of several, so that fewer than were inserted is what they are for.
bool MergesRows(const std::string& engine) {
  constexpr std::array<std::string_view, 5> kKinds = {"Replacing", "Collapsing", "Summing",
                                                      "Aggregating", "Coalescing"};
  return std::ranges::any_of(
      kKinds, [&](std::string_view kind) { return engine.find(kind) != std::string::npos; });
}

}  // namespace

void AddOffset(std::vector<OffsetRun>& runs, Offset offset) {
  if (!runs.empty() && Next(runs.back().last) == offset) {
    runs.back().last = offset;
  } else {
    runs.push_back({offset, offset});
  }
}

std::string ToText(const std::vector<OffsetRun>& runs) {
  std::string text;
  for (std::size_t i = 0; i < runs.size() && i < kShownRuns; ++i) {
    if (i > 0) text += ", ";
    text += fmt::format("{}", runs[i].first.rep());
    if (runs[i].last > runs[i].first) text += fmt::format("-{}", runs[i].last.rep());
  }
  if (runs.size() > kShownRuns) text += ", …";
  return text;
}

PlaceColumns PlaceColumnsOf(const PipelinePlan& plan) {
  PlaceColumns columns;
  for (const ColumnPlan& column : plan.columns) {
    if (!column.metadata) continue;
    if (column.field == "_topic") columns.topic = QuoteIdentifier(column.column_name);
    if (column.field == "_partition") columns.partition = QuoteIdentifier(column.column_name);
    if (column.field == "_offset") columns.offset = QuoteIdentifier(column.column_name);
  }
  return columns;
}

/// Of a partition, while the pipeline may be running.
struct TableComparison::Expected {
  std::int64_t least = 0;   ///< Rows that were confirmed before the table was asked,
  std::int64_t most = 0;    ///< and those confirmed, or decided on, after it.
  std::int64_t copies = 1;  ///< How often an offset may be there: once for each time it was read.
};

TableComparison::TableComparison(Options options, Parts parts, Findings& findings)
    : options_(options),
      parts_(std::move(parts)),
      findings_(findings),
      columns_(PlaceColumnsOf(options.plan)) {}

Status TableComparison::Run(const Verification& before, std::stop_token stop) {
  if (options_.table.engine == "Null") {
    return Error{Remedy::kStop, "usage",
                 "--table: the table is of engine Null, which keeps no row"};
  }
  const bool by_offset = columns_.Tell() && !options_.plan.join;
  return by_offset ? CompareOffsets(before, stop) : CompareCounts(before);
}

Result<TableComparison::Numbers> TableComparison::AskNumbers(const std::string& sql) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::string answer, parts_.ask(sql + " FORMAT TSV"));
  Numbers lines;
  const char* at = answer.data();
  const char* const end = at + answer.size();
  bool new_line = true;
  while (at < end) {
    std::int64_t number = 0;
    const auto read = std::from_chars(at, end, number);
    if (read.ec != std::errc() || read.ptr == end) {
      return Error{Remedy::kStop, "unknown",
                   fmt::format("ClickHouse answered no numbers to: {}", sql)};
    }
    if (new_line) lines.emplace_back();
    lines.back().push_back(number);
    new_line = *read.ptr == '\n';
    at = read.ptr + 1;
  }
  return lines;
}

std::string TableComparison::WhereOf(const PartitionPlace& place, Offset from, Offset to) const {
  std::string where = fmt::format(
      "FROM {}.{} WHERE toInt64({}) = {} AND toInt64({}) >= {} AND toInt64({}) < {}",
      QuoteIdentifier(options_.table.database), QuoteIdentifier(options_.table.table),
      columns_.partition, place.partition, columns_.offset, from.rep(), columns_.offset, to.rep());
  if (!columns_.topic.empty()) {
    where += fmt::format(" AND {} = {}", columns_.topic, QuoteText(place.topic));
  }
  return where;
}

void TableComparison::Lacks(const std::string& about, std::string text) {
  MergesRows(options_.table.engine) ? findings_.Warn(about, std::move(text))
                                    : findings_.Fault(about, std::move(text));
}

// --- By the number of rows -----------------------------------------------------------------

Status TableComparison::CompareCounts(const Verification& before) {
  PENSTOCK_ASSIGN_OR_RETURN(
      const Numbers counted,
      AskNumbers(fmt::format("SELECT count() FROM {}.{}", QuoteIdentifier(options_.table.database),
                             QuoteIdentifier(options_.table.table))));
  PENSTOCK_ASSIGN_OR_RETURN(const Ledger after, parts_.read_ledger());
  rows_ = counted.at(0).at(0);
  const auto least = static_cast<std::int64_t>(before.ledger.rows());
  const auto most = static_cast<std::int64_t>(after.rows() + after.undecided_rows());
  if (rows_ < least) {
    Lacks("table", fmt::format("it has {} rows, and {} were confirmed: {} are missing", rows_,
                               least, least - rows_));
  } else if (rows_ > most) {
    findings_.Fault("table", fmt::format("it has {} rows, and the accounts only {}: {} are "
                                         "repeated, or were written by somebody else",
                                         rows_, most, rows_ - most));
  } else {
    findings_.Good("table", fmt::format("it has the {} rows of the accounts; which ones can be "
                                        "compared where _partition and _offset are mapped",
                                        rows_));
  }
  return Done{};
}

// --- By offset -----------------------------------------------------------------------------

Status TableComparison::CompareOffsets(const Verification& before, const std::stop_token& stop) {
  PENSTOCK_RETURN_IF_ERROR(CountByPartition(before));
  PENSTOCK_ASSIGN_OR_RETURN(const Ledger after, parts_.read_ledger());
  const std::size_t faults = findings_.all().size();
  for (const PartitionSum& sum : before.partitions) {
    const PartitionLedger& ledger = PartitionOf(after, sum.place);
    const auto undecided = after.undecided.find(sum.place);
    Expected expected{.least = RowsOf(PartitionOf(before.ledger, sum.place)),
                      .most = RowsOf(ledger),
                      .copies = std::max<std::int64_t>(std::ssize(ledger.origins), 1)};
    if (undecided != after.undecided.end()) {
      expected.most += static_cast<std::int64_t>(undecided->second);
    }
    PENSTOCK_RETURN_IF_ERROR(ComparePartition(sum, expected, stop));
  }
  if (findings_.all().size() == faults) {
    findings_.Good("table", fmt::format("it has all rows of the accounts, {}, each once", rows_));
  }
  return Done{};
}

// A bitmap of a partition's offsets is about a bit for each.
Status TableComparison::CountByPartition(const Verification& before) {
  std::vector<std::int64_t> numbers;
  std::vector<std::int64_t> begins;
  for (const PartitionSum& sum : before.partitions) {
    numbers.push_back(sum.place.partition);
    begins.push_back(BeginOf(sum).rep());
  }
  if (numbers.empty()) return Done{};
  std::string sql = fmt::format(
      "SELECT toInt64({0}) AS p, count(), groupBitmap(toUInt64({1})) FROM {2}.{3} WHERE "
      "toInt64({1}) >= transform(toInt64({0}), [{4}]::Array(Int64), [{5}]::Array(Int64), "
      "toInt64(0))",
      columns_.partition, columns_.offset, QuoteIdentifier(options_.table.database),
      QuoteIdentifier(options_.table.table), fmt::join(numbers, ","), fmt::join(begins, ","));
  if (!columns_.topic.empty()) {
    sql += fmt::format(" AND {} = {}", columns_.topic,
                       QuoteText(before.partitions.front().place.topic));
  }
  PENSTOCK_ASSIGN_OR_RETURN(const Numbers counted, AskNumbers(sql + " GROUP BY p"));
  for (const auto& line : counted) {
    partitions_[static_cast<std::int32_t>(line.at(0))] = {.rows = line.at(1),
                                                          .offsets = line.at(2)};
    rows_ += line.at(1);
  }
  return Done{};
}

Status TableComparison::ComparePartition(const PartitionSum& sum, const Expected& expected,
                                         const std::stop_token& stop) {
  const TablePartition& found = partitions_[sum.place.partition];
  // Where an offset was read once, each different one is a row of its own.
  const bool once = expected.copies == 1;
  const std::int64_t different = once ? found.offsets : found.rows;
  const std::int64_t too_many = once ? found.rows - found.offsets : found.rows - expected.most;
  if (too_many > 0) PENSTOCK_RETURN_IF_ERROR(NameRepeated(sum, expected, too_many));
  if (different < expected.least) {
    PENSTOCK_RETURN_IF_ERROR(NameMissing(sum, expected.least - different, stop));
  }
  if (once && different > expected.most) {
    findings_.Fault(AboutOf(sum.place),
                    fmt::format("the table has {} rows that the account does not: records that it "
                                "says were filtered, duplicates or dead letters, or rows that "
                                "somebody else has written",
                                different - expected.most));
  }
  return Done{};
}

Status TableComparison::NameRepeated(const PartitionSum& sum, const Expected& expected,
                                     std::int64_t too_many) {
  const Offset end(std::max(sum.kafka.marks.high, sum.settled));
  PENSTOCK_ASSIGN_OR_RETURN(
      const Numbers slices,
      AskNumbers(fmt::format("SELECT intDiv(toInt64({0}), {1}) AS slice {2} GROUP BY slice HAVING "
                             "count() > groupBitmap(toUInt64({0})) ORDER BY slice LIMIT 100",
                             columns_.offset, kSlice, WhereOf(sum.place, BeginOf(sum), end))));
  std::vector<OffsetRun> runs;
  for (const auto& slice : slices) {
    if (runs.size() > kNamedRuns) break;
    const Offset from(std::max(slice.at(0) * kSlice, BeginOf(sum).rep()));
    const Offset to(std::min((slice.at(0) + 1) * kSlice, end.rep()));
    PENSTOCK_ASSIGN_OR_RETURN(
        const Numbers repeated,
        AskNumbers(fmt::format("SELECT toInt64({}) AS o {} GROUP BY o HAVING count() > {} ORDER BY "
                               "o LIMIT 100000",
                               columns_.offset, WhereOf(sum.place, from, to), expected.copies)));
    for (const auto& line : repeated) AddOffset(runs, Offset(line.at(0)));
  }
  std::string text = fmt::format("the table has {} rows too many", too_many);
  if (!runs.empty()) text += fmt::format(": offsets {} are there too often", ToText(runs));
  if (expected.copies > 1) text += fmt::format(" (read {} times on purpose)", expected.copies);
  findings_.Fault(AboutOf(sum.place), std::move(text));
  return Done{};
}

// What a filter or a dedup leaves out is in no list.
bool TableComparison::NamesWhatIsMissing() const {
  const auto& transform = options_.plan.transform;
  return !transform || (transform->filter.empty() && transform->dedup_key.empty());
}

Status TableComparison::NameMissing(const PartitionSum& sum, std::int64_t lacking,
                                    const std::stop_token& stop) {
  const std::string about = AboutOf(sum.place);
  const std::string what = fmt::format("the table lacks {} rows that were confirmed", lacking);
  if (!NamesWhatIsMissing()) {
    Lacks(about, what + "; which ones cannot be told, since filter and dedup leave rows out, too");
    return Done{};
  }
  PENSTOCK_RETURN_IF_ERROR(ReadLettersOnce(stop));
  const Offset begin = std::max(BeginOf(sum), sum.kafka.marks.low);
  PENSTOCK_ASSIGN_OR_RETURN(
      const Numbers counted,
      AskNumbers(fmt::format("SELECT intDiv(toInt64({0}), {1}) AS slice, "
                             "groupBitmap(toUInt64({0})) {2} GROUP BY slice",
                             columns_.offset, kSlice, WhereOf(sum.place, begin, sum.settled))));
  std::map<std::int64_t, std::int64_t> offsets;  // By slice.
  for (const auto& line : counted) offsets[line.at(0)] = line.at(1);
  std::vector<OffsetRun> missing;
  for (Offset from = begin; from < sum.settled && missing.size() <= kNamedRuns;) {
    const std::int64_t slice = from.rep() / kSlice;
    const Offset to(std::min((slice + 1) * kSlice, sum.settled.rep()));
    if (offsets[slice] < to.rep() - from.rep()) {
      PENSTOCK_ASSIGN_OR_RETURN(const auto found, MissingIn(sum, from, to, stop));
      for (const OffsetRun& run : found) missing.push_back(run);
    }
    from = to;
  }
  Lacks(about,
        missing.empty()
            ? fmt::format("{}; which ones, Kafka and the dead letters do not tell any more", what)
            : fmt::format("{}: offsets {}", what, ToText(missing)));
  return Done{};
}

Status TableComparison::ReadLettersOnce(const std::stop_token& stop) {
  if (letters_) return Done{};
  letters_.emplace();
  const auto read = ReadLetters(parts_.letters, {}, kMostLetters, stop, [&](const auto& stored) {
    if (stored.letter == nullptr) return;
    letters_->emplace(stored.letter->origin.partition, stored.letter->offset.rep());
  });
  if (!read.ok()) return read.error();
  return Done{};
}

// Offsets of [from, to) without a row, of which Kafka has a record and there is no dead letter.
Result<std::vector<OffsetRun>> TableComparison::MissingIn(const PartitionSum& sum, Offset from,
                                                          Offset to, const std::stop_token& stop) {
  PENSTOCK_ASSIGN_OR_RETURN(
      const Numbers gaps,
      AskNumbers(fmt::format(
          "SELECT before + 1, o - 1 FROM (SELECT o, lagInFrame(o, 1, toInt64({})) OVER (ORDER BY o "
          "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS before FROM (SELECT DISTINCT "
          "toInt64({}) AS o {} UNION ALL SELECT toInt64({}) AS o)) WHERE o > before + 1 ORDER BY o",
          from.rep() - 1, columns_.offset, WhereOf(sum.place, from, to), to.rep())));
  std::vector<OffsetRun> missing;
  for (std::size_t begin = 0; begin < gaps.size();) {
    std::size_t end = begin + 1;
    while (end < gaps.size() && gaps[end].at(0) - gaps[end - 1].at(1) < kNear) ++end;
    std::size_t gap = begin;
    PENSTOCK_RETURN_IF_ERROR(
        parts_.records.Scan({.partition = sum.place.partition,
                             .from = Offset(gaps[begin].at(0)),
                             .to = Offset(gaps[end - 1].at(1) + 1)},
                            options_.patience, stop, [&](Offset offset) {
                              while (gap < end && gaps[gap].at(1) < offset.rep()) ++gap;
                              if (gap == end || offset.rep() < gaps[gap].at(0)) return;
                              if (!letters_->contains({sum.place.partition, offset.rep()}))
                                AddOffset(missing, offset);
                            }));
    begin = end;
  }
  return missing;
}

}  // namespace penstock::ctl
