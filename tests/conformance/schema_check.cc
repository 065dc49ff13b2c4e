#include "config/field_types.h"
#include "conformance/expr_vectors.h"
#include "expr/check_schema.h"

namespace penstock::conformance {

namespace {

Outcome Judge(const Json& line) {
  const std::string id = line.at("id");
  std::vector<SchemaField> fields;
  for (const Json& declared : line.at("schema_fields")) {
    SchemaField field;
    field.name = declared.at("name");
    field.declared_type = declared.at("type");
    const auto type = config::FieldTypeOf(field.declared_type);
    if (!type) {
      const bool refused = !line.at("valid").get<bool>();
      return {id, refused ? "" : "no type by the name " + field.declared_type};
    }
    field.type = *type;
    fields.push_back(field);
  }
  const std::string text = line.at("expr");
  const Status status = line.at("kind") == "filter" ? expr::CheckFilter(text, fields)
                                                    : expr::CheckStateless(text, fields);
  if (line.value("reference_defect", false) || status.ok() == line.at("valid").get<bool>()) {
    return {id, ""};
  }
  return {id, text + (status.ok() ? " is accepted" : " is refused: " + status.error().detail)};
}

}  // namespace

std::vector<Outcome> RunSchemaCheck(const std::filesystem::path& path) {
  return RunLines(path, Judge);
}

}  // namespace penstock::conformance
