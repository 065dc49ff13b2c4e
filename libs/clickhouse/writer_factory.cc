#include "clickhouse/writer_factory.h"

#include <algorithm>
#include <array>
#include <utility>

namespace penstock::clickhouse {

namespace {

const TypeFamily* FindFamily(std::string_view name) {
  const std::array all = {NumberTypes(),  WideTypes(),    TextTypes(),   EnumTypes(),
                          TimeTypes(),    NetworkTypes(), NestedTypes(), TupleTypes(),
                          VariantTypes(), DynamicTypes(), GeoTypes(),    VectorTypes()};
  for (const std::span<const TypeFamily> families : all) {
    for (const TypeFamily& family : families) {
      if (family.name == name) return &family;
    }
  }
  return nullptr;
}

Error NotSupported(const ClickHouseType& type) {
  if (type.name == "AggregateFunction") {
    return TypeError(type,
                     "states of aggregate functions cannot be inserted; send plain values into a "
                     "table that a materialized view aggregates from, or use "
                     "SimpleAggregateFunction");
  }
  if (type.name == "Object") {
    return TypeError(type, "ClickHouse has dropped this type; make the column JSON");
  }
  if (type.name == "Nothing") return TypeError(type, "no value has this type");
  return TypeError(type, "this type is not supported");
}

// Of `SimpleAggregateFunction(sum, Int64)` the Int64: that is what lies in the column.
Result<const ClickHouseType*> AggregatedType(const ClickHouseType& type) {
  const bool good =
      type.arguments.size() >= 2 && type.arguments[1].kind == TypeArgument::Kind::kType;
  if (!good) return TypeError(type, "expected a function and a type");
  return &type.arguments[1].type.at(0);
}

// The type that a wrapper is around; nullptr: it is no wrapper.
Result<const ClickHouseType*> Wrapped(const ClickHouseType& type) {
  if (type.name == "Nullable" || type.name == "LowCardinality") return OnlyType(type);
  if (type.name == "SimpleAggregateFunction") return AggregatedType(type);
  return nullptr;
}

bool HasNull(const ClickHouseType& type) {
  if (type.name == "Nullable") return true;
  if (type.name == "LowCardinality" || type.name == "SimpleAggregateFunction") {
    const auto inner = Wrapped(type);
    return inner.ok() && HasNull(*inner.value());
  }
  return type.name == "Variant" || type.name == "Dynamic" || type.name == "Geometry";
}

bool HasNullable(const ClickHouseType& type) {
  static constexpr std::array<std::string_view, 7> kNone = {
      "Nullable", "LowCardinality", "Array", "Map", "Nested", "Variant", "Dynamic"};
  return std::ranges::find(kNone, type.name) == kNone.end();
}

Result<WriterPtr> MakeBare(const ClickHouseType& type, const WriterOptions& options);

Result<WriterPtr> MakeNullable(const ClickHouseType& type, const WriterOptions& options) {
  PENSTOCK_ASSIGN_OR_RETURN(const ClickHouseType* inner, OnlyType(type));
  if (!HasNullable(*inner)) return TypeError(type, "ClickHouse has no Nullable of this type");
  PENSTOCK_ASSIGN_OR_RETURN(WriterPtr writer, MakeBare(*inner, options));
  return MakeNullableWriter(std::move(writer), ToText(type));
}

Result<WriterPtr> MakeLowCardinality(const ClickHouseType& type, const WriterOptions& options) {
  PENSTOCK_ASSIGN_OR_RETURN(const ClickHouseType* inner, OnlyType(type));
  const bool nullable = inner->name == "Nullable";
  if (nullable) {
    PENSTOCK_ASSIGN_OR_RETURN(inner, OnlyType(*inner));
  }
  PENSTOCK_ASSIGN_OR_RETURN(WriterPtr writer, MakeBare(*inner, options));
  if (!writer->plain()) return TypeError(type, "ClickHouse has no LowCardinality of this type");
  return MakeLowCardinalityWriter(std::move(writer), nullable, ToText(type));
}

// The type's writer alone: null is for the caller to deal with.
Result<WriterPtr> MakeBare(const ClickHouseType& type, const WriterOptions& options) {
  if (type.name == "Nullable") return MakeNullable(type, options);
  if (type.name == "LowCardinality") return MakeLowCardinality(type, options);
  if (type.name == "SimpleAggregateFunction") {
    PENSTOCK_ASSIGN_OR_RETURN(const ClickHouseType* inner, AggregatedType(type));
    return MakeBare(*inner, options);
  }
  const TypeFamily* family = FindFamily(type.name);
  if (family == nullptr) return NotSupported(type);
  return family->make(type, options);
}

}  // namespace

Error TypeError(const ClickHouseType& type, std::string_view what) {
  return Error{Remedy::kStop, "type", fmt::format("type {}: {}", ToText(type), what)};
}

Result<const ClickHouseType*> OnlyType(const ClickHouseType& type) {
  if (type.arguments.size() != 1 || type.arguments[0].kind != TypeArgument::Kind::kType) {
    return TypeError(type, "expected one type in parentheses");
  }
  return &type.arguments[0].type.at(0);
}

Result<WriterPtr> MakeWriter(const ClickHouseType& type, const WriterOptions& options) {
  PENSTOCK_ASSIGN_OR_RETURN(WriterPtr writer, MakeBare(type, options));
  if (!options.null_as_default || HasNull(type)) return writer;
  return MakeDefaultingWriter(std::move(writer), ToText(type));
}

Result<ValueKind> KindOf(const ClickHouseType& type) {
  PENSTOCK_ASSIGN_OR_RETURN(const ClickHouseType* inner, Wrapped(type));
  if (inner != nullptr) return KindOf(*inner);
  const TypeFamily* family = FindFamily(type.name);
  if (family == nullptr) return NotSupported(type);
  return family->kind;
}

}  // namespace penstock::clickhouse
