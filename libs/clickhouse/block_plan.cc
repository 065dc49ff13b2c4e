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
    case ValueKind::kWideInteger:
    case ValueKind::kDecimal:
    case ValueKind::kTime:
    case ValueKind::kSpan:
      return "string, int, uint, float";
    case ValueKind::kFloat:
      return strict ? "float" : "float, int, uint";
    case ValueKind::kString:
      return strict ? "string" : "string, bool, int, uint, float, array, map";
    case ValueKind::kParsed:
      return "string";
    case ValueKind::kEnum:
      return strict ? "string" : "string, int, uint";
    case ValueKind::kArray:
      return "array";
    case ValueKind::kMap:
      return "map";
    case ValueKind::kTuple:
      return "array, map";
    case ValueKind::kDocument:
      return "map, string";
    case ValueKind::kAny:
      return "string, bool, int, uint, float, array, map";
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
  const bool integer = kind == ValueKind::kInteger || kind == ValueKind::kWideInteger;
  switch (source) {
    case Source::kField:
    case Source::kTopic:
      return kind == ValueKind::kString;
    case Source::kPartition:
    case Source::kOffset:
      return integer || kind == ValueKind::kString;
    case Source::kTimestamp:
    case Source::kIngestTime:
      return integer || kind == ValueKind::kTime;
  }
  return false;
}

bool IsScalar(ValueKind kind) {
  return kind != ValueKind::kArray && kind != ValueKind::kMap && kind != ValueKind::kTuple &&
         kind != ValueKind::kDocument;
}

// Whether values of the declared type belong into a column of the table's type at all.
bool Compatible(ValueKind declared, ValueKind table) {
  const auto is_text = [](ValueKind kind) {
    return kind == ValueKind::kString || kind == ValueKind::kParsed || kind == ValueKind::kEnum;
  };
  const auto has_text = [](ValueKind kind) {
    return kind == ValueKind::kTime || kind == ValueKind::kSpan || kind == ValueKind::kDecimal ||
           kind == ValueKind::kWideInteger || kind == ValueKind::kDocument;
  };
  if (declared == table || declared == ValueKind::kAny || table == ValueKind::kAny) return true;
  if (is_text(declared)) return is_text(table) || has_text(table);
  return !is_text(table) && IsScalar(declared) == IsScalar(table);
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

bool IsExact(ValueKind kind) {
  return kind == ValueKind::kDecimal || kind == ValueKind::kWideInteger;
}

// Whether the field's numbers come as doubles although the column keeps every digit.
bool LosesDigits(const ColumnPlan& plan, ValueKind kind) {
  if (!IsExact(kind) || FieldKind(plan.field_type) != "float") return false;
  const auto declared = ParseClickHouseType(plan.column_type);
  if (!declared.ok()) return true;
  const auto declared_kind = KindOf(declared.value());
  return !declared_kind.ok() || !IsExact(declared_kind.value());
}

Result<PlannedColumn> PlanField(const ColumnPlan& plan, ValueKind kind, PlannedColumn planned) {
  PENSTOCK_ASSIGN_OR_RETURN(const bool strict, CheckDeclared(plan, kind, planned.type));
  if (!Takes(kind, plan.field_type, false)) {
    return Fault(planned.column,
                 fmt::format("mismatched types: field `{}` is {}, and {} takes {}", plan.field,
                             FieldKind(plan.field_type), planned.type, TakenKinds(kind, false)));
  }
  if (LosesDigits(plan, kind)) {
    return Fault(planned.column,
                 fmt::format("field `{}` is float, which has not all digits of {}: say "
                             "`column_type: {}` in the mapping to have the number's own digits",
                             plan.field, planned.type, planned.type));
  }
  planned.texts = !strict;
  return planned;
}

// With null_as_default the server puts the column's DEFAULT where a scalar is null; anything else
// gets its type's default here.
void TakeNullAsDefault(const ClickHouseType& type, const ColumnWriter& writer,
                       PlannedColumn& planned) {
  planned.null_as_default = true;
  if (type.name == "LowCardinality" && type.arguments[0].type[0].name != "Nullable") {
    planned.type = fmt::format("LowCardinality(Nullable({}))", ToText(type.arguments[0].type[0]));
  } else if (type.name != "SimpleAggregateFunction" && writer.plain()) {
    planned.type = fmt::format("Nullable({})", planned.type);
  }
}

Status CheckInsertable(const TableColumn& column) {
  const bool alias = column.default_kind == DefaultKind::kAlias;
  if (!alias && column.default_kind != DefaultKind::kMaterialized) return Done{};
  return Fault(column.name, fmt::format("it is {}: the server computes it, and nothing can "
                                        "be inserted; leave it out of the mapping",
                                        alias ? "an ALIAS column" : "MATERIALIZED"));
}

Result<PlannedColumn> PlanColumn(const TableColumn& column, const ColumnPlan& plan,
                                 std::string member) {
  PENSTOCK_RETURN_IF_ERROR(CheckInsertable(column));
  auto type = ParseClickHouseType(column.type);
  if (!type.ok()) return Fault(column.name, type.error().detail);
  // KindOf looks at the names alone, the writer at everything inside.
  auto kind = KindOf(type.value());
  if (!kind.ok()) return Fault(column.name, kind.error().detail);
  auto writer = MakeWriter(type.value(), {});
  if (!writer.ok()) return Fault(column.name, writer.error().detail);
  PlannedColumn planned{.field = plan.field, .column = column.name, .type = column.type};
  planned.member = std::move(member);
  // Its other kinds, _key and _headers, are columns of the message like any field.
  const std::optional<Source> metadata = plan.metadata ? MetadataSource(plan.field) : std::nullopt;
  if (!metadata) {
    PENSTOCK_ASSIGN_OR_RETURN(planned, PlanField(plan, kind.value(), std::move(planned)));
    if (plan.null_as_default) TakeNullAsDefault(type.value(), *writer.value(), planned);
    return planned;
  }
  if (!TakesMetadata(kind.value(), *metadata)) {
    return Fault(column.name,
                 fmt::format("mismatched types: {} does not fit {}", plan.field, column.type));
  }
  planned.source = *metadata;
  planned.texts = true;
  return planned;
}

bool IsInsertable(const TableColumn& column) {
  return column.default_kind != DefaultKind::kMaterialized &&
         column.default_kind != DefaultKind::kAlias;
}

// The columns `name.…` of a flattened Nested that can be inserted.
std::vector<const TableColumn*> FlattenedColumns(const TableDescription& table,
                                                 std::string_view name) {
  const std::string prefix = fmt::format("{}.", name);
  std::vector<const TableColumn*> columns;
  for (const TableColumn& column : table.columns) {
    const bool member = column.name.starts_with(prefix) && column.type.starts_with("Array(");
    if (member && IsInsertable(column)) columns.push_back(&column);
  }
  return columns;
}

// Gathers the columns of a plan, and the faults of those that cannot be.
class Planner {
 public:
  explicit Planner(const TableDescription& table) : table_(table) {}

  void Add(const ColumnPlan& plan) {
    if (const TableColumn* column = table_.Find(plan.column_name); column != nullptr) {
      return Keep(PlanColumn(*column, plan, {}));
    }
    const auto members = FlattenedColumns(table_, plan.column_name);
    if (members.empty() || plan.metadata || plan.field_type != FieldType::kArray) {
      return AddFault(Fault(plan.column_name, NotThere(plan.column_name, !members.empty())));
    }
    // The mapping's type, if any, is the Nested's: each column has its own.
    ColumnPlan whole = plan;
    whole.column_type.clear();
    for (const TableColumn* column : members) {
      Keep(PlanColumn(*column, whole, column->name.substr(plan.column_name.size() + 1)));
    }
  }

  std::vector<PlannedColumn>& columns() { return columns_; }
  std::string& faults() { return faults_; }

 private:
  void Keep(Result<PlannedColumn> planned) {
    if (!planned.ok()) return AddFault(planned.error());
    const std::string& name = planned.value().column;
    if (std::ranges::find(columns_, name, &PlannedColumn::column) != columns_.end()) {
      return AddFault(Fault(name, "it is mapped twice"));
    }
    columns_.push_back(std::move(planned).value());
  }

  void AddFault(const Error& error) {
    if (!faults_.empty()) faults_.push_back('\n');
    faults_ += error.detail;
  }

  std::string NotThere(std::string_view column, bool nested) const {
    if (nested) {
      return fmt::format(
          "it is a Nested, whose columns (`{}.…`) take a field of type array with an "
          "object for each row of it, or each a field of its own",
          column);
    }
    std::string names;
    for (const TableColumn& known : table_.columns) {
      if (IsInsertable(known))
        names += fmt::format("{}`{}`", names.empty() ? "" : ", ", known.name);
    }
    return fmt::format("the table {}.{} has no such column; it has {}", table_.database,
                       table_.table, names.empty() ? "none that can be inserted" : names);
  }

  const TableDescription& table_;
  std::vector<PlannedColumn> columns_;
  std::string faults_;
};

}  // namespace

Result<std::shared_ptr<const BlockPlan>> BlockPlan::Make(const TableDescription& table,
                                                         std::span<const ColumnPlan> columns) {
  Planner planner(table);
  for (const ColumnPlan& plan : columns) planner.Add(plan);
  if (columns.empty()) {
    planner.faults() = fmt::format(
        "no field has a column in the table {}.{}: give columns the names of fields, or say in "
        "sink.mapping which field goes where",
        table.database, table.table);
  }
  if (!planner.faults().empty()) {
    return Error{Remedy::kStop, "schema", std::move(planner.faults())};
  }
  return std::shared_ptr<const BlockPlan>(new BlockPlan(std::move(planner.columns())));
}

std::vector<std::string> BlockPlan::ColumnNames() const {
  std::vector<std::string> names;
  for (const PlannedColumn& column : columns_) names.push_back(column.column);
  return names;
}

std::vector<ColumnPlan> MatchByName(const TableDescription& table,
                                    std::span<const PlannedField> fields,
                                    std::vector<std::string>& unmatched, bool null_as_default) {
  std::vector<ColumnPlan> columns;
  for (const PlannedField& field : fields) {
    const TableColumn* column = table.Find(field.name);
    const bool matches = column != nullptr ? IsInsertable(*column)
                                           : field.type == FieldType::kArray &&
                                                 !FlattenedColumns(table, field.name).empty();
    if (!matches) {
      unmatched.push_back(field.name);
      continue;
    }
    ColumnPlan plan{field.name, field.type, field.name, ""};
    plan.null_as_default = null_as_default;
    columns.push_back(std::move(plan));
  }
  return columns;
}

}  // namespace penstock::clickhouse
