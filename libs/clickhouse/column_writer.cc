#include "clickhouse/column_writer.h"

#include <cmath>
#include <iterator>

#include "base/format.h"
#include "base/text.h"

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

bool AppendJsonText(const ColumnView& column, std::size_t row, std::string& out) {
  const auto append = [&](auto value) { fmt::format_to(std::back_inserter(out), "{}", value); };
  switch (column.type) {
    case PhysicalType::kBool:
      append(column.Fixed<std::uint8_t>(row) != 0);
      return true;
    case PhysicalType::kInt64:
      append(column.Fixed<std::int64_t>(row));
      return true;
    case PhysicalType::kUint64:
      append(column.Fixed<std::uint64_t>(row));
      return true;
    case PhysicalType::kFloat64: {
      const std::size_t start = out.size();
      append(column.Fixed<double>(row));
      if (out.find_first_of(".e", start) == std::string::npos) out += ".0";
      return std::isfinite(column.Fixed<double>(row));
    }
    case PhysicalType::kString:
    case PhysicalType::kJson:
      break;
  }
  return false;
}

void AppendJsonCells(ColumnWriter& writer, const ColumnSlice& slice, std::string_view type,
                     FaultLog& faults) {
  const ColumnView& column = slice.column;
  const bool fixed = FixedWidth(column.type) != 0;
  TextCursor cursor(fixed ? ColumnView{} : column);
  std::string rendered;
  std::size_t at = 0;
  for (const RowRun& run : slice.runs) {
    if (!fixed) cursor.Skip(run.begin - at);
    at = run.end;
    for (std::size_t row = run.begin; row < run.end; ++row) {
      std::string_view text = fixed ? std::string_view() : cursor.Next();
      const char* readable = column.data.data() + column.data.size();
      faults.set_row(row);
      if (column.At(row) != Presence::kValue) {
        if (!slice.gaps_allowed) faults.Add(FaultKind::kNull, type, {});
        writer.AppendDefault();
        continue;
      }
      if (column.type != PhysicalType::kJson) {
        rendered.clear();
        if (!fixed) {
          AppendJsonString(rendered, text);
        } else if (!AppendJsonText(column, row, rendered)) {
          faults.Add(FaultKind::kOutOfRange, type, ValueText(column, row));
          writer.AppendDefault();
          continue;
        }
        text = rendered;
        readable = rendered.data() + rendered.size();
      }
      JsonReader value(text, readable);
      writer.AppendJson(value, faults);
    }
  }
  if (!fixed && !cursor.ok()) faults.SetCorrupt();
}

}  // namespace penstock::clickhouse
