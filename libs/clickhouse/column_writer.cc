#include "clickhouse/column_writer.h"

#include "base/format.h"

namespace penstock::clickhouse {

std::string ValueText(const ColumnView& column, std::size_t row) {
  switch (column.type) {
    case PhysicalType::kBool:
      return column.Fixed<std::uint8_t>(row) == 0 ? "false" : "true";
    case PhysicalType::kInt64:
      return fmt::format("{}", column.Fixed<std::int64_t>(row));
    case PhysicalType::kUint64:
      return fmt::format("{}", column.Fixed<std::uint64_t>(row));
    case PhysicalType::kFloat64:
      return fmt::format("{}", column.Fixed<double>(row));
    case PhysicalType::kString:
    case PhysicalType::kJson:
      break;
  }
  TextCursor cursor(column);
  cursor.Skip(row);
  return std::string(cursor.Next());
}

void ReportGaps(const ColumnSlice& slice, std::string_view type, FaultLog& faults) {
  if (!slice.column.HasGaps() || slice.gaps_allowed) return;
  for (const RowRun& run : slice.runs) {
    for (std::size_t row = run.begin; row < run.end; ++row) {
      if (slice.column.At(row) != Presence::kValue) {
        faults.AddAt(row, FaultKind::kNull, type, {});
      }
    }
  }
}

void AppendJsonCells(ColumnWriter& writer, const ColumnSlice& slice, std::string_view type,
                     FaultLog& faults) {
  const ColumnView& column = slice.column;
  const bool texts = FixedWidth(column.type) == 0;
  TextCursor cursor(texts ? column : ColumnView{});
  std::size_t at = 0;
  for (const RowRun& run : slice.runs) {
    if (texts) cursor.Skip(run.begin - at);
    at = run.end;
    for (std::size_t row = run.begin; row < run.end; ++row) {
      const std::string_view text = texts ? cursor.Next() : std::string_view();
      faults.set_row(row);
      if (column.At(row) != Presence::kValue) {
        if (!slice.gaps_allowed) faults.Add(FaultKind::kNull, type, {});
        writer.AppendDefault();
      } else if (column.type == PhysicalType::kJson) {
        JsonReader value(text);
        writer.AppendJson(value, faults);
      } else {
        faults.Add(FaultKind::kWrongKind, type, ValueText(column, row));
        writer.AppendDefault();
      }
    }
  }
  if (texts && !cursor.ok()) faults.SetCorrupt();
}

}  // namespace penstock::clickhouse
