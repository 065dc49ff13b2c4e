#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "clickhouse/column_writer.h"
#include "model/clickhouse_type.h"

namespace penstock::clickhouse {

/// What kind of value a type holds: decides which fields may feed it. Nullable and LowCardinality
/// are of the kind of what is in them.
enum class ValueKind : std::uint8_t {
  kBool,
  kInteger,      ///< Of up to 64 bits; Interval types, too.
  kWideInteger,  ///< Of 128 and 256 bits.
  kDecimal,
  kFloat,
  kString,  ///< String and FixedString.
  kParsed,  ///< Types with a text form of their own: UUID, IPv4, IPv6.
  kEnum,
  kTime,
  kSpan,  ///< Time and Time64.
  kArray,
  kMap,
  kTuple,
  kDocument,  ///< JSON.
  kAny,       ///< Variant, Dynamic: what the value is decides.
};

struct WriterOptions {
  bool texts = false;            ///< Strings take any value, as its text.
  bool null_as_empty = false;    ///< Strings take null as "": in the values of a Map.
  bool null_as_default = false;  ///< Every type takes null, as its default, at any depth.
  bool milliseconds = false;     ///< Integers are times in ms, whatever their magnitude.
  int dynamic_depth = 0;         ///< How many Dynamics are around.
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
/// The writer of a flattened Nested's column `type`, an Array, fed by arrays of objects: each
/// gives its `member`. Errors as MakeWriter.
Result<WriterPtr> MakeMemberWriter(const ClickHouseType& type, std::string member,
                                   const WriterOptions& options);

/// The types, one function a file: a new type is a new line in one of them.
std::span<const TypeFamily> NumberTypes();
std::span<const TypeFamily> WideTypes();
std::span<const TypeFamily> TextTypes();
std::span<const TypeFamily> EnumTypes();
std::span<const TypeFamily> TimeTypes();
std::span<const TypeFamily> NetworkTypes();
std::span<const TypeFamily> NestedTypes();
std::span<const TypeFamily> TupleTypes();
std::span<const TypeFamily> VariantTypes();
std::span<const TypeFamily> DynamicTypes();
std::span<const TypeFamily> GeoTypes();
std::span<const TypeFamily> VectorTypes();

/// "type": for the makers.
Error TypeError(const ClickHouseType& type, std::string_view what);
/// The only argument of `type`, a type itself.
Result<const ClickHouseType*> OnlyType(const ClickHouseType& type);

/// The writer of arrays whose elements `inner` writes; for the types that are arrays by another
/// name.
WriterPtr MakeArrayWriter(WriterPtr inner, std::string type);

/// Made by MakeWriter around the writer of what is inside.
WriterPtr MakeNullableWriter(WriterPtr inner, std::string type);
WriterPtr MakeLowCardinalityWriter(WriterPtr inner, bool nullable, std::string type);
WriterPtr MakeDefaultingWriter(WriterPtr inner, std::string type);

}  // namespace penstock::clickhouse
