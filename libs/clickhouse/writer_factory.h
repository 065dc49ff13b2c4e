#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "clickhouse/column_writer.h"
#include "model/clickhouse_type.h"

namespace penstock::clickhouse {

/// What kind of value a type holds: decides which fields may feed it. Nullable and LowCardinality
/// are of the kind of what is in them.
enum class ValueKind : std::uint8_t {
  kBool,
  kInteger,
  kFloat,
  kString,  ///< String and FixedString.
  kParsed,  ///< Types with a text form of their own: UUID.
  kEnum,
  kTime,
  kArray,
  kMap,
};

struct WriterOptions {
  bool texts = false;          ///< Strings take any value, as its text.
  bool null_as_empty = false;  ///< Strings take null as "": in the values of a Map.
  bool milliseconds = false;   ///< Integers are times in ms, whatever their magnitude.
};

using WriterMaker = Result<WriterPtr> (*)(const ClickHouseType& type, const WriterOptions& options);

struct TypeFamily {
  std::string_view name;  ///< The type's, without arguments.
  ValueKind kind;
  WriterMaker make;
};

/// The writer of a type, or an error with code "type" that says what is not supported.
Result<WriterPtr> MakeWriter(const ClickHouseType& type, const WriterOptions& options);
/// The kind of a type's values; same errors as to the name.
Result<ValueKind> KindOf(const ClickHouseType& type);

/// The types, one function a file: a new type is a new line in one of them.
std::span<const TypeFamily> NumberTypes();
std::span<const TypeFamily> TextTypes();
std::span<const TypeFamily> EnumTypes();
std::span<const TypeFamily> TimeTypes();
std::span<const TypeFamily> NestedTypes();

/// "type": for the makers.
Error TypeError(const ClickHouseType& type, std::string_view what);
/// The only argument of `type`, a type itself.
Result<const ClickHouseType*> OnlyType(const ClickHouseType& type);

/// Made by MakeWriter around the writer of what is inside.
WriterPtr MakeNullableWriter(WriterPtr inner, std::string type);
WriterPtr MakeLowCardinalityWriter(WriterPtr inner, bool nullable, std::string type);

}  // namespace penstock::clickhouse
