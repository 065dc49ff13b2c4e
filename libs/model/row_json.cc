#include "model/row_json.h"

#include <cmath>

#include "base/format.h"
#include "base/text.h"

namespace penstock {

namespace {

std::string_view TextAt(const ColumnView& column, std::size_t row) {
  TextCursor cursor(column);
  cursor.Skip(row);
  return cursor.Next();
}

// Bytes that are not UTF-8 cannot stand in JSON: they are shown as base64.
void AppendText(std::string& out, std::string_view text) {
  if (IsUtf8(text)) {
    AppendJsonString(out, text);
  } else {
    AppendJsonString(out, "base64:" + Base64Encode(text));
  }
}

void AppendValue(std::string& out, const ColumnView& column, std::size_t row) {
  switch (column.type) {
    case PhysicalType::kBool:
      out += column.Fixed<std::uint8_t>(row) != 0 ? "true" : "false";
      return;
    case PhysicalType::kInt64:
      out += fmt::format("{}", column.Fixed<std::int64_t>(row));
      return;
    case PhysicalType::kUint64:
      out += fmt::format("{}", column.Fixed<std::uint64_t>(row));
      return;
    case PhysicalType::kFloat64: {
      const auto value = column.Fixed<double>(row);
      out += std::isfinite(value) ? fmt::format("{}", value) : fmt::format("\"{}\"", value);
      return;
    }
    case PhysicalType::kString:
      AppendText(out, TextAt(column, row));
      return;
    case PhysicalType::kJson:
      out += TextAt(column, row);
      return;
  }
}

}  // namespace

std::string RowAsJson(std::span<const ColumnView> columns, std::size_t row) {
  std::string out = "{";
  for (const ColumnView& column : columns) {
    if (column.At(row) == Presence::kAbsent) continue;
    if (out.size() > 1) out.push_back(',');
    AppendText(out, column.name);
    out.push_back(':');
    if (column.At(row) == Presence::kNull) {
      out += "null";
    } else {
      AppendValue(out, column, row);
    }
  }
  out.push_back('}');
  return out;
}

}  // namespace penstock
