#include "config/field_types.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <span>
#include <string>

namespace penstock::config {

namespace {

struct TypeName {
  std::string_view name;
  FieldType type;
};

constexpr auto kTypes = std::to_array<TypeName>({
    {"string", FieldType::kString},   {"bool", FieldType::kBool},
    {"boolean", FieldType::kBool},    {"int", FieldType::kInt64},
    {"integer", FieldType::kInt64},   {"int8", FieldType::kInt8},
    {"int16", FieldType::kInt16},     {"int32", FieldType::kInt32},
    {"int64", FieldType::kInt64},     {"uint", FieldType::kUint64},
    {"uint8", FieldType::kUint8},     {"uint16", FieldType::kUint16},
    {"uint32", FieldType::kUint32},   {"uint64", FieldType::kUint64},
    {"float", FieldType::kFloat64},   {"number", FieldType::kFloat64},
    {"float32", FieldType::kFloat32}, {"float64", FieldType::kFloat64},
    {"bytes", FieldType::kBytes},     {"array", FieldType::kArray},
    {"map", FieldType::kMap},         {"object", FieldType::kMap},
});

struct OtlpField {
  std::string_view name;
  std::string_view type;
};

// OTLP records are flattened into these, whatever the sender; attributes become maps.
constexpr auto kLogs = std::to_array<OtlpField>({
    {"timestamp", "string"},
    {"observed_timestamp", "string"},
    {"severity_number", "uint"},
    {"severity_text", "string"},
    {"body", "string"},
    {"trace_id", "string"},
    {"span_id", "string"},
    {"flags", "uint"},
    {"dropped_attributes_count", "uint"},
    {"resource_attributes", "map"},
    {"scope_name", "string"},
    {"scope_version", "string"},
    {"scope_attributes", "map"},
    {"attributes", "map"},
});
constexpr auto kTraces = std::to_array<OtlpField>({
    {"trace_id", "string"},
    {"span_id", "string"},
    {"parent_span_id", "string"},
    {"trace_state", "string"},
    {"flags", "uint"},
    {"name", "string"},
    {"kind", "string"},
    {"start_timestamp", "string"},
    {"end_timestamp", "string"},
    {"duration_ns", "uint"},
    {"status_code", "string"},
    {"status_message", "string"},
    {"dropped_attributes_count", "uint"},
    {"dropped_events_count", "uint"},
    {"dropped_links_count", "uint"},
    {"events", "array"},
    {"links", "array"},
    {"resource_attributes", "map"},
    {"scope_name", "string"},
    {"scope_version", "string"},
    {"scope_attributes", "map"},
    {"attributes", "map"},
});
constexpr auto kMetrics = std::to_array<OtlpField>({
    {"timestamp", "string"},
    {"start_timestamp", "string"},
    {"metric_name", "string"},
    {"metric_description", "string"},
    {"metric_unit", "string"},
    {"metric_type", "string"},
    {"aggregation_temporality", "string"},
    {"is_monotonic", "bool"},
    {"flags", "uint"},
    {"value_double", "float"},
    {"value_int", "int"},
    {"count", "uint"},
    {"sum", "float"},
    {"min", "float"},
    {"max", "float"},
    {"bucket_counts", "array"},
    {"explicit_bounds", "array"},
    {"resource_attributes", "map"},
    {"scope_name", "string"},
    {"scope_version", "string"},
    {"scope_attributes", "map"},
    {"attributes", "map"},
});

// Those that need a column of their own on the wire are text or JSON; the others are numbers that
// a batch has anyway.
constexpr auto kMetadata = std::to_array<TypeName>({
    {"_topic", FieldType::kString},
    {"_partition", FieldType::kInt32},
    {"_offset", FieldType::kInt64},
    {"_timestamp", FieldType::kInt64},
    {"_key", FieldType::kString},
    {"_headers", FieldType::kMap},
    {"_ingest_time", FieldType::kInt64},
});

template <typename T>
bool Fits(std::string_view digits) {
  T value{};
  const char* const end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, value);
  return error == std::errc() && rest == end;
}

}  // namespace

std::optional<FieldType> FieldTypeOf(std::string_view name) {
  for (const TypeName& type : kTypes) {
    if (type.name == name) return type.type;
  }
  return std::nullopt;
}

std::vector<std::string_view> FieldTypeNames() {
  std::vector<std::string_view> names;
  for (const TypeName& type : kTypes) names.push_back(type.name);
  return names;
}

bool FitsInteger(FieldType type, std::string_view digits) {
  switch (type) {
    case FieldType::kInt8:
      return Fits<std::int8_t>(digits);
    case FieldType::kInt16:
      return Fits<std::int16_t>(digits);
    case FieldType::kInt32:
      return Fits<std::int32_t>(digits);
    case FieldType::kInt64:
      return Fits<std::int64_t>(digits);
    case FieldType::kUint8:
      return Fits<std::uint8_t>(digits);
    case FieldType::kUint16:
      return Fits<std::uint16_t>(digits);
    case FieldType::kUint32:
      return Fits<std::uint32_t>(digits);
    case FieldType::kUint64:
      return Fits<std::uint64_t>(digits);
    default:
      return false;
  }
}

std::vector<SchemaField> OtlpFields(SourceType type) {
  std::span<const OtlpField> fields;
  if (type == SourceType::kOtlpLogs) fields = kLogs;
  if (type == SourceType::kOtlpTraces) fields = kTraces;
  if (type == SourceType::kOtlpMetrics) fields = kMetrics;
  std::vector<SchemaField> out;
  for (const OtlpField& field : fields) {
    out.push_back({std::string(field.name), *FieldTypeOf(field.type), std::string(field.type),
                   /*optional=*/true, std::nullopt});
  }
  return out;
}

std::optional<FieldType> MetadataType(std::string_view name) {
  for (const TypeName& metadata : kMetadata) {
    if (metadata.name == name) return metadata.type;
  }
  return std::nullopt;
}

std::vector<std::string_view> MetadataNames() {
  std::vector<std::string_view> names;
  for (const TypeName& metadata : kMetadata) names.push_back(metadata.name);
  return names;
}

}  // namespace penstock::config
