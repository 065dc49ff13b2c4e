#include <array>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "base/text.h"
#include "clickhouse/block_builder.h"
#include "clickhouse/json_reader.h"
#include "config/field_types.h"
#include "config/planner.h"
#include "conformance/kind.h"
#include "json/record_parser.h"
#include "support/native_reader.h"

namespace penstock::conformance {

namespace {

using clickhouse::JsonReader;

// One line: its members, each as the text of its value.
using Vector = std::map<std::string, std::string, std::less<>>;

Vector ReadVector(const std::string& line) {
  Vector members;
  JsonReader reader(line);
  std::string scratch;
  std::string_view key;
  reader.Open();
  while (reader.NextMember(key, scratch)) {
    std::string name(key);
    members[std::move(name)] = std::string(reader.Skip());
  }
  if (!reader.ok() || !members.contains("id") || !members.contains("column_type")) {
    throw std::runtime_error("not a mapping vector: " + line);
  }
  return members;
}

std::string TextOf(const Vector& vector, std::string_view name) {
  const auto member = vector.find(name);
  std::string text;
  if (member == vector.end() || member->second.size() < 2) return text;
  if (!clickhouse::AppendUnescaped(
          std::string_view(member->second).substr(1, member->second.size() - 2), text)) {
    throw std::runtime_error("not a text: " + member->second);
  }
  return text;
}

// What became of a vector's value on its way through the product.
struct Arrived {
  std::string value;    ///< As JSON.
  std::string refusal;  ///< Why there is none; empty: there is one.
};

Arrived Refused(const Error& error) {
  return {"", error.detail};
}

std::optional<PipelineSpec> SpecOf(const Vector& vector) {
  const std::string declared = TextOf(vector, "field_type");
  const std::optional<FieldType> type = config::FieldTypeOf(declared);
  if (!type) return std::nullopt;
  PipelineSpec spec;
  SourceSpec& source = spec.sources.emplace_back();
  source.source_id = "s";
  source.schema_fields.push_back({"v", *type, declared, false, std::nullopt});
  spec.sink.mapping.push_back({"v", "v", TextOf(vector, "column_type")});
  return spec;
}

// The path of a record: the planner's fields, the parser's cells, the sink's block.
Arrived Send(const Vector& vector) {
  const std::optional<PipelineSpec> spec = SpecOf(vector);
  if (!spec) return {"", "unknown field type"};
  const PipelinePlan plan = config::MakePlan(*spec);
  clickhouse::TableDescription table{.database = "d", .table = "t", .engine = "MergeTree"};
  const std::string table_type = TextOf(vector, "table_type");
  table.columns.push_back(
      {"v", table_type.empty() ? TextOf(vector, "column_type") : table_type, {}});
  auto block_plan = clickhouse::BlockPlan::Make(table, plan.columns);
  if (!block_plan.ok()) return Refused(block_plan.error());
  auto parser = json::RecordParser::Make(plan.sources.at(0));
  if (!parser.ok()) return Refused(parser.error());
  json::RecordParser records = std::move(parser).value();
  const bool absent = vector.contains("absent");
  const std::string record = absent ? "{}" : "{\"v\":" + vector.at("value") + "}";
  const auto cells = records.Parse(record);
  if (!cells.ok()) return Refused(cells.error());
  Column column("v", plan.sources[0].fields.at(0).physical);
  column.Append(cells.value()[0]);
  const std::array<ColumnView, 1> views = {column.View()};
  clickhouse::BlockBuilder builder(std::move(block_plan).value());
  const auto bad = builder.Append({.columns = views, .begin = 0, .end = 1});
  if (!bad.ok()) return Refused(bad.error());
  if (!bad.value().empty()) return {"", bad.value()[0].message};
  const auto block = testing::ReadNativeBlock(builder.Finish(clickhouse::BodyCodec::kNone).body);
  if (!block.ok()) throw std::runtime_error("a block that cannot be read: " + block.error().detail);
  return {block.value().at(0).values.at(0), ""};
}

// Numbers in one form each: an integer keeps its digits, a float is the nearest double.
std::string CanonicalNumber(std::string_view text) {
  if (text.find_first_of(".eE") == std::string_view::npos) return std::string(text);
  const double value = std::strtod(std::string(text).c_str(), nullptr);
  return fmt::format("{}", value);
}

// JSON of the same value in one form: members sorted, strings unescaped and escaped again.
std::string Canonical(JsonReader& reader) {
  std::string scratch;
  std::string out;
  switch (reader.Peek()) {
    case JsonReader::Kind::kNumber:
      return CanonicalNumber(reader.Skip());
    case JsonReader::Kind::kString:
      AppendJsonString(out, reader.String(scratch));
      return out;
    case JsonReader::Kind::kArray:
      for (reader.Open(); reader.NextElement();) out += Canonical(reader) + ",";
      return "[" + out + "]";
    case JsonReader::Kind::kObject: {
      std::map<std::string, std::string> members;
      std::string_view key;
      for (reader.Open(); reader.NextMember(key, scratch);) {
        const std::string name(key);
        members[name] = Canonical(reader);
      }
      for (const auto& [name, value] : members) out += name + ":" + value + ",";
      return "{" + out + "}";
    }
    default:
      return std::string(reader.Skip());
  }
}

std::string Canonical(std::string_view json) {
  JsonReader reader(json);
  return Canonical(reader);
}

// Where the reference's own result is a defect, a refusal is right, and so is any value but its.
Outcome Judge(const Vector& vector) {
  const std::string id = TextOf(vector, "id");
  const Arrived arrived = Send(vector);
  const bool refused = !arrived.refusal.empty();
  const bool defect = vector.contains("reference_defect");
  if (defect && refused) return {id, ""};
  if (!defect && (vector.contains("error") || vector.contains("client_error"))) {
    return {id, refused ? "" : "accepted as " + arrived.value + "; the reference refuses it"};
  }
  if (refused) return {id, "refused: " + arrived.refusal};
  const bool has_stored = vector.contains("stored");
  if (!has_stored && !vector.contains("result")) return {id, ""};
  const std::string& wanted = vector.at(has_stored ? "stored" : "result");
  const bool same = Canonical(arrived.value) == Canonical(wanted);
  // A client that refuses what the mapping gave left nothing to repeat.
  if (defect && vector.contains("client_error")) return {id, ""};
  if (defect) return {id, same ? "has the reference's defect: " + arrived.value : ""};
  return {id, same ? "" : arrived.value + " instead of " + wanted};
}

}  // namespace

std::vector<Outcome> RunMapping(const std::filesystem::path& path) {
  std::vector<std::filesystem::path> files = {path};
  if (std::filesystem::is_directory(path)) {
    files.clear();
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      if (entry.path().extension() == ".jsonl") files.push_back(entry.path());
    }
  }
  std::vector<Outcome> outcomes;
  for (const std::filesystem::path& file : files) {
    std::ifstream in(file, std::ios::binary);
    if (!in) throw std::runtime_error("cannot read " + file.string());
    for (std::string line; std::getline(in, line);) {
      if (!line.empty()) outcomes.push_back(Judge(ReadVector(line)));
    }
  }
  return outcomes;
}

}  // namespace penstock::conformance
