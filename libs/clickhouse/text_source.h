#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "clickhouse/column_writer.h"
#include "clickhouse/writer_factory.h"

namespace penstock::clickhouse {

/// Gives strings their text: of a string itself, of any other value its JSON text where
/// `options.texts` says so. Keeps its buffer from value to value. One owner thread.
class TextSource {
 public:
  TextSource(std::string type, const WriterOptions& options)
      : type_(std::move(type)), options_(options) {}

  const std::string& type() const { return type_; }

  /// The text of the value that `value` stands before, valid until the next call; empty when it
  /// was refused and reported.
  std::optional<std::string_view> FromJson(JsonReader& value, FaultLog& faults);

  /// Calls `take(text)` for each row of the slice; a row without a text gets "".
  template <typename Take>
  void ForEach(const ColumnSlice& slice, FaultLog& faults, Take take) {
    ReportGaps(slice, type_, faults);
    if (FixedWidth(slice.column.type) != 0) return ForEachNumber(slice, faults, take);
    const bool json = slice.column.type == PhysicalType::kJson;
    TextCursor cursor(slice.column);
    std::size_t at = 0;
    for (const RowRun& run : slice.runs) {
      cursor.Skip(run.begin - at);
      at = run.end;
      for (std::size_t row = run.begin; row < run.end; ++row) {
        faults.set_row(row);
        std::string_view text = cursor.Next();
        if (json && slice.column.At(row) == Presence::kValue) {
          JsonReader value(text);
          text = FromJson(value, faults).value_or(std::string_view());
        }
        take(text);
      }
    }
    if (!cursor.ok()) faults.SetCorrupt();
  }

 private:
  template <typename Take>
  void ForEachNumber(const ColumnSlice& slice, FaultLog& faults, Take take) {
    for (const RowRun& run : slice.runs) {
      for (std::size_t row = run.begin; row < run.end; ++row) {
        faults.set_row(row);
        if (slice.column.At(row) != Presence::kValue) {
          take(std::string_view());
          continue;
        }
        scratch_ = ValueText(slice.column, row);
        if (!options_.texts) faults.Add(FaultKind::kWrongKind, type_, scratch_);
        take(std::string_view(scratch_));
      }
    }
  }

  const std::string type_;
  const WriterOptions options_;
  std::string scratch_;
};

}  // namespace penstock::clickhouse
