#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "clickhouse/table.h"
#include "ctl/dead_letters.h"
#include "ctl/findings.h"
#include "ctl/verification.h"
#include "model/plan.h"

namespace penstock::ctl {

/// Offsets from `first` to `last`.
struct OffsetRun {
  Offset first;
  Offset last;
  friend bool operator==(const OffsetRun&, const OffsetRun&) = default;
};
/// Adds an offset behind all others.
void AddOffset(std::vector<OffsetRun>& runs, Offset offset);
/// "17, 20-22", the first twenty of them.
std::string ToText(const std::vector<OffsetRun>& runs);

/// Columns of the table that say which record a row is of; empty where none does.
struct PlaceColumns {
  std::string topic;
  std::string partition;
  std::string offset;
  bool Tell() const { return !partition.empty() && !offset.empty(); }
};
PlaceColumns PlaceColumnsOf(const PipelinePlan& plan);

/// What the table has of a partition.
struct TablePartition {
  std::int64_t rows = 0;
  std::int64_t offsets = 0;  ///< Different ones.
};

/// Compares the table with the accounts: by offset where columns of it say which record a row is
/// of, else by the number of rows. ClickHouse does the counting; what comes here is a number for a
/// million offsets, and the runs that are not as they should be.
class TableComparison {
 public:
  /// Runs a SELECT that gives numbers, tab separated.
  using Ask = std::function<Result<std::string>(const std::string& sql)>;

  struct Options {
    const PipelinePlan& plan;
    const clickhouse::TableDescription& table;
    Clock::Duration patience{};
  };
  struct Parts {
    Ask ask;
    std::function<Result<Ledger>()> read_ledger;  ///< As it is now.
    LetterStream letters;
    io::RecordFetcher& records;  ///< Of the first source; of others nothing is asked.
  };

  TableComparison(Options options, Parts parts, Findings& findings);

  /// Rows that go into the table meanwhile are no fault: the accounts are read again behind it.
  Status Run(const Verification& before, std::stop_token stop);

  /// What was found, by partition; nothing where it went by the number of rows.
  const std::map<std::int32_t, TablePartition>& partitions() const { return partitions_; }
  std::int64_t rows() const { return rows_; }

 private:
  using Numbers = std::vector<std::vector<std::int64_t>>;
  struct Expected;

  Result<Numbers> AskNumbers(const std::string& sql);
  std::string WhereOf(const PartitionPlace& place, Offset from, Offset to) const;
  Status CompareCounts(const Verification& before);
  Status CompareOffsets(const Verification& before, const std::stop_token& stop);
  Status CountByPartition(const Verification& before);
  Status ComparePartition(const PartitionSum& sum, const Expected& expected,
                          const std::stop_token& stop);
  Status NameRepeated(const PartitionSum& sum, const Expected& expected, std::int64_t too_many);
  Status NameMissing(const PartitionSum& sum, std::int64_t lacking, const std::stop_token& stop);
  Status ReadLettersOnce(const std::stop_token& stop);
  Result<std::vector<OffsetRun>> MissingIn(const PartitionSum& sum, Offset from, Offset to,
                                           const std::stop_token& stop);
  void Lacks(const std::string& about, std::string text);
  bool NamesWhatIsMissing() const;

  const Options options_;
  const Parts parts_;
  Findings& findings_;
  const PlaceColumns columns_;
  std::map<std::int32_t, TablePartition> partitions_;
  std::int64_t rows_ = 0;
  std::optional<std::set<std::pair<std::int32_t, std::int64_t>>> letters_;
};

}  // namespace penstock::ctl
