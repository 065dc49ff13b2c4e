#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "model/pipeline_spec.h"

namespace penstock::config {

/// The type that a declared name stands for ("int" and "integer" are kInt64); nullopt: none.
std::optional<FieldType> FieldTypeOf(std::string_view name);
std::vector<std::string_view> FieldTypeNames();

/// Whether a whole number, as digits, is in the range of an integer type.
bool FitsInteger(FieldType type, std::string_view digits);

/// The fixed fields of an OTLP source; none for Kafka.
std::vector<SchemaField> OtlpFields(SourceType type);

/// Kafka's metadata as a mapping may name it (_topic, _key, …), and its type. The times are
/// milliseconds since the epoch.
std::optional<FieldType> MetadataType(std::string_view name);
std::vector<std::string_view> MetadataNames();

}  // namespace penstock::config
