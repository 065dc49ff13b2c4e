#include "base/format.h"
#include "config/document.h"

namespace penstock::config {

namespace {

constexpr std::string_view kIntroduction = R"(# The pipeline file

One file describes one pipeline, as YAML or JSON: the same tree. This page is made from the table that
the program parses with; `penstock validate FILE` checks a file and prints everything that is wrong
with it at once, each fault with its line and what would be right.

- **+** marks what the GlassFlow V3 format, which is otherwise accepted as it is, does not have.
- *duration*: `30s`, `1h30m`, `250ms`, `7d`. *size*: `512KiB`, `25GB`, or bytes as a number.
  *quantity*: as in Kubernetes, `500m`, `2Gi`.
- Any text may hold `${NAME}`+, the value of an environment variable, and `${file:/path}`+, the text of
  a file (without a newline at its end); `$${` stands for `${` itself. What came out of them, and
  whatever is marked *secret*, is never printed or logged.
- A key that does not exist, and one that occurs twice, is a fault. `null` is the same as leaving out.
- A text that looks like a number needs its quotes: `topic: "2024"`.
- All of it is read and checked by this version; OTLP sources are not built yet, and a
  pipeline that has them is refused at start.

The smallest useful file:

```yaml
pipeline_id: orders
sources:
  - type: kafka
    source_id: orders
    topic: shop.orders
    connection_params:
      brokers: [kafka:9092]
      protocol: PLAINTEXT
      mechanism: NO_AUTH
    schema_fields:
      - {name: order_id, type: string}
      - {name: amount, type: float}
      - {name: customer.country, type: string}
sink:
  type: clickhouse
  connection_params:
    host: clickhouse
    database: shop
    username: loader
    password: ${CLICKHOUSE_PASSWORD}
  table: orders
  mapping:
    - {name: order_id, column_name: order_id, column_type: UUID}
    - {name: amount, column_name: amount, column_type: Float64}
    - {name: customer.country, column_name: country, column_type: LowCardinality(String)}
```
)";

// A table cell: no line may break, no bar may end the cell.
std::string Cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string DefaultCell(const FieldInfo& field) {
  if (field.required) return "**required**";
  if (field.default_text.empty()) return "";
  // A sentence stays text, a value becomes code.
  const bool is_value = field.default_text.find(' ') == std::string::npos;
  return is_value ? fmt::format("`{}`", field.default_text) : field.default_text;
}

void AppendRows(std::string& out, const std::string& prefix, const std::vector<FieldInfo>& fields,
                std::string_view when) {
  for (const FieldInfo& field : fields) {
    std::string path = prefix + field.name;
    if (field.is_list) path += "[]";
    std::string doc = field.doc;
    if (!when.empty()) doc = fmt::format("({}) {}", when, doc);
    if (!field.alias.empty()) doc += fmt::format(" Also spelt `{}`+.", field.alias);
    if (field.secret) doc += " *Secret.*";
    out += fmt::format("| `{}`{} | {} | {} | {} |\n", path, field.extension ? "+" : "",
                       Cell(field.type), Cell(DefaultCell(field)), Cell(doc));
    for (const MemberGroup& group : field.groups) {
      AppendRows(out, path + ".", group.members, group.when.empty() ? when : group.when);
    }
  }
}

void AppendTable(std::string& out, std::string_view title, const std::string& prefix,
                 const std::vector<FieldInfo>& fields) {
  out += fmt::format("\n## {}\n\n| key | value | default | meaning |\n|---|---|---|---|\n", title);
  AppendRows(out, prefix, fields, "");
}

}  // namespace

std::string PipelineReference() {
  std::string out(kIntroduction);
  std::vector<FieldInfo> top = PipelineSchema().infos();
  for (FieldInfo& field : top) field.groups.clear();
  AppendTable(out, "The document", "", top);
  for (const FieldInfo& field : PipelineSchema().infos()) {
    if (field.groups.empty()) continue;
    const std::string path = field.is_list ? field.name + "[]" : field.name;
    AppendTable(out, fmt::format("`{}`", path), path + ".", field.groups.front().members);
  }
  return out;
}

}  // namespace penstock::config
