#include "clickhouse/block_plan.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/format.h"
#include "clickhouse/writer_factory.h"
#include "model/clickhouse_type.h"

namespace penstock::clickhouse {

namespace {

using Source = PlannedColumn::Source;

std::string_view FieldKind(FieldType type) {
  switch (type) {
    case FieldType::kString:
    case FieldType::kBytes:
      return "string";
    case FieldType::kBool:
      return "bool";
    case FieldType::kInt8:
    case FieldType::kInt16:
    case FieldType::kInt32:
    case FieldType::kInt64:
      return "int";
    case FieldType::kUint8:
    case FieldType::kUint16:
    case FieldType::kUint32:
    case FieldType::kUint64:
      return "uint";
    case FieldType::kFloat32:
    case FieldType::kFloat64:
      return "float";
    case FieldType::kArray:
      return "array";
    case FieldType::kMap:
      return "map";
  }
  return "";
}

// The kinds of field that a column takes, as words; `strict`: in the reference.
std::string_view TakenKinds(ValueKind kind, bool strict) {
  switch (kind) {
    case ValueKind::kBool:
      return strict ? "bool" : "bool, int, uint";
    case ValueKind::kInteger:
      return "int, uint";
    case ValueKind::kFloat:
      return strict ? "float" : "float, int, uint";
    case ValueKind::kString:
      return strict ? "string" : "string, bool, int, uint, float, array, map";
    case ValueKind::kParsed:
      return "string";
    case ValueKind::kEnum:
      return strict ? "string" : "string, int, uint";
    case ValueKind::kTime:
      return "string, int, uint, float";
    case ValueKind::kArray:
      return "array";
    case ValueKind::kMap:
      return "map";
  }
  return "";
}

bool Takes(ValueKind kind, FieldType field, bool strict) {
  std::string_view kinds = TakenKinds(kind, strict);
  while (!kinds.empty()) {
    const std::string_view one = kinds.substr(0, kinds.find(", "));
    if (one == FieldKind(field)) return true;
    kinds.remove_prefix(std::min(kinds.size(), one.size() + 2));
  }
  return false;
}

// Whether the reference knows the column type: its pairs of field and column hold then.
bool IsReferenceType(const ClickHouseType& type) {
  static constexpr std::array<std::string_view, 20> kNames = {
      "Bool",   "Int8",     "Int16",      "Int32",   "Int64",       "UInt8", "UInt16",
      "UInt32", "UInt64",   "Float32",    "Float64", "String",      "UUID",  "Enum8",
      "Enum16", "DateTime", "DateTime64", "Map",     "FixedString", "Array"};
  if (type.name == "LowCardinality" && type.arguments.size() == 1 &&
      !type.arguments[0].type.empty()) {
    return type.arguments[0].type[0].name != "Nullable" &&
           IsReferenceType(type.arguments[0].type[0]);
  }
  return std::ranges::find(kNames, type.name) != kNames.end();
}

std::optional<Source> MetadataSource(std::string_view field) {
  if (field == "_topic") return Source::kTopic;
  if (field == "_partition") return Source::kPartition;
  if (field == "_offset") return Source::kOffset;
  if (field == "_timestamp") return Source::kTimestamp;
  if (field == "_ingest_time") return Source::kIngestTime;
  return std::nullopt;
}

bool TakesMetadata(ValueKind kind, Source source) {
  switch (source) {
    case Source::kField:
    case Source::kTopic:
      return kind == ValueKind::kString;
    case Source::kPartition:
    case Source::kOffset:
      return kind == ValueKind::kInteger || kind == ValueKind::kString;
    case Source::kTimestamp:
    case Source::kIngestTime:
      return kind == ValueKind::kInteger || kind == ValueKind::kTime;
  }
  return false;
}

// Whether values of the declared type belong into a column of the table's type at all.
bool Compatible(ValueKind declared, ValueKind table) {
  const auto is_text = [](ValueKind kind) {
    return kind == ValueKind::kString || kind == ValueKind::kParsed || kind == ValueKind::kEnum;
  };
  if (declared == table) return true;
  if (is_text(declared)) return is_text(table) || table == ValueKind::kTime;
  return !is_text(table) && table != ValueKind::kArray && table != ValueKind::kMap;
}

Error Fault(std::string_view column, std::string_view what) {
  return Error{Remedy::kStop, "schema", fmt::format("column `{}`: {}", column, what)};
}

// Checks the declared type, if any, against field and table. True: the reference's pairs hold.
Result<bool> CheckDeclared(const ColumnPlan& plan, ValueKind table_kind,
                           std::string_view table_type) {
  if (plan.column_type.empty()) return false;
  auto declared = ParseClickHouseType(plan.column_type);
  if (!declared.ok()) return Fault(plan.column_name, declared.error().detail);
  auto kind = KindOf(declared.value());
  if (!kind.ok()) return Fault(plan.column_name, kind.error().detail);
  const bool strict = IsReferenceType(declared.value());
  if (!Takes(kind.value(), plan.field_type, strict)) {
    const bool wider = Takes(table_kind, plan.field_type, false);
    return Fault(
        plan.column_name,
        fmt::format("mismatched types: field `{}` is {}, and {} takes {}{}", plan.field,
                    FieldKind(plan.field_type), plan.column_type, TakenKinds(kind.value(), strict),
                    wider ? "; leave column_type out to have it converted" : ""));
  }
  if (!Compatible(kind.value(), table_kind)) {
    return Fault(plan.column_name,
                 fmt::format("mismatched types: the mapping says {}, the table {}",
                             plan.column_type, table_type));
  }
  return strict;
}

Result<PlannedColumn> PlanField(const ColumnPlan& plan, ValueKind kind, PlannedColumn planned) {
  PENSTOCK_ASSIGN_OR_RETURN(const bool strict, CheckDeclared(plan, kind, planned.type));
  if (!Takes(kind, plan.field_type, false)) {
    return Fault(plan.column_name,
                 fmt::format("mismatched types: field `{}` is {}, and {} takes {}", plan.field,
                             FieldKind(plan.field_type), planned.type, TakenKinds(kind, false)));
  }
  planned.texts = !strict;
  return planned;
}

Result<PlannedColumn> PlanColumn(const TableDescription& table, const ColumnPlan& plan) {
  const TableColumn* column = table.Find(plan.column_name);
  if (column == nullptr) {
    return Fault(plan.column_name,
                 fmt::format("the table {}.{} has no such column", table.database, table.table));
  }
  if (column->default_kind == DefaultKind::kMaterialized ||
      column->default_kind == DefaultKind::kAlias) {
    const bool alias = column->default_kind == DefaultKind::kAlias;
    return Fault(plan.column_name, fmt::format("it is {}: the server computes it, and nothing can "
                                               "be inserted; leave it out of the mapping",
                                               alias ? "an ALIAS column" : "MATERIALIZED"));
  }
  auto type = ParseClickHouseType(column->type);
  if (!type.ok()) return Fault(plan.column_name, type.error().detail);
  // KindOf looks at the names alone, the writer at everything inside.
  auto kind = KindOf(type.value());
  if (!kind.ok()) return Fault(plan.column_name, kind.error().detail);
  if (auto writer = MakeWriter(type.value(), {}); !writer.ok()) {
    return Fault(plan.column_name, writer.error().detail);
  }
  PlannedColumn planned{.field = plan.field, .column = column->name, .type = column->type};
  // Its other kinds, _key and _headers, are columns of the message like any field.
  const std::optional<Source> metadata = plan.metadata ? MetadataSource(plan.field) : std::nullopt;
  if (!metadata) return PlanField(plan, kind.value(), std::move(planned));
  if (!TakesMetadata(kind.value(), *metadata)) {
    return Fault(plan.column_name,
                 fmt::format("mismatched types: {} does not fit {}", plan.field, column->type));
  }
  planned.source = *metadata;
  planned.texts = true;
  return planned;
}

}  // namespace

Result<std::shared_ptr<const BlockPlan>> BlockPlan::Make(const TableDescription& table,
                                                         std::span<const ColumnPlan> columns) {
  std::vector<PlannedColumn> planned;
  std::string faults;
  const auto add_fault = [&](const Error& error) {
    if (!faults.empty()) faults.push_back('\n');
    faults += error.detail;
  };
  for (const ColumnPlan& plan : columns) {
    auto column = PlanColumn(table, plan);
    if (!column.ok()) {
      add_fault(column.error());
    } else if (std::ranges::find(planned, plan.column_name, &PlannedColumn::column) !=
               planned.end()) {
      add_fault(Fault(plan.column_name, "it is mapped twice"));
    } else {
      planned.push_back(std::move(column).value());
    }
  }
  if (columns.empty()) {
    faults = fmt::format("no field has a column in the table {}.{}", table.database, table.table);
  }
  if (!faults.empty()) return Error{Remedy::kStop, "schema", std::move(faults)};
  return std::shared_ptr<const BlockPlan>(new BlockPlan(std::move(planned)));
}

std::vector<std::string> BlockPlan::ColumnNames() const {
  std::vector<std::string> names;
  for (const PlannedColumn& column : columns_) names.push_back(column.column);
  return names;
}

std::vector<ColumnPlan> MatchByName(const TableDescription& table,
                                    std::span<const PlannedField> fields,
                                    std::vector<std::string>& unmatched) {
  std::vector<ColumnPlan> columns;
  for (const PlannedField& field : fields) {
    const TableColumn* column = table.Find(field.name);
    const bool insertable = column != nullptr &&
                            column->default_kind != DefaultKind::kMaterialized &&
                            column->default_kind != DefaultKind::kAlias;
    if (insertable) {
      columns.push_back({field.name, field.type, field.name, ""});
    } else {
      unmatched.push_back(field.name);
    }
  }
  return columns;
}

}  // namespace penstock::clickhouse
