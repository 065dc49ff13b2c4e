#include "clickhouse/writer_factory.h"

#include <array>
#include <utility>

namespace penstock::clickhouse {

namespace {

const TypeFamily* FindFamily(std::string_view name) {
  const std::array all = {NumberTypes(), TextTypes(), EnumTypes(), TimeTypes(), NestedTypes()};
  for (const std::span<const TypeFamily> families : all) {
    for (const TypeFamily& family : families) {
      if (family.name == name) return &family;
    }
  }
  return nullptr;
}

Result<WriterPtr> MakeNullable(const ClickHouseType& type, const WriterOptions& options) {
  PENSTOCK_ASSIGN_OR_RETURN(const ClickHouseType* inner, OnlyType(type));
  PENSTOCK_ASSIGN_OR_RETURN(WriterPtr writer, MakeWriter(*inner, options));
  if (!writer->plain()) return TypeError(type, "ClickHouse has no Nullable of this type");
  return MakeNullableWriter(std::move(writer), ToText(type));
}

Result<WriterPtr> MakeLowCardinality(const ClickHouseType& type, const WriterOptions& options) {
  PENSTOCK_ASSIGN_OR_RETURN(const ClickHouseType* inner, OnlyType(type));
  const bool nullable = inner->name == "Nullable";
  if (nullable) {
    PENSTOCK_ASSIGN_OR_RETURN(inner, OnlyType(*inner));
  }
  PENSTOCK_ASSIGN_OR_RETURN(WriterPtr writer, MakeWriter(*inner, options));
  if (!writer->plain()) return TypeError(type, "ClickHouse has no LowCardinality of this type");
  return MakeLowCardinalityWriter(std::move(writer), nullable, ToText(type));
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
  if (type.name == "Nullable") return MakeNullable(type, options);
  if (type.name == "LowCardinality") return MakeLowCardinality(type, options);
  const TypeFamily* family = FindFamily(type.name);
  if (family == nullptr) return TypeError(type, "this type is not supported");
  return family->make(type, options);
}

Result<ValueKind> KindOf(const ClickHouseType& type) {
  if (type.name == "Nullable" || type.name == "LowCardinality") {
    PENSTOCK_ASSIGN_OR_RETURN(const ClickHouseType* inner, OnlyType(type));
    return KindOf(*inner);
  }
  const TypeFamily* family = FindFamily(type.name);
  if (family == nullptr) return TypeError(type, "this type is not supported");
  return family->kind;
}

}  // namespace penstock::clickhouse
