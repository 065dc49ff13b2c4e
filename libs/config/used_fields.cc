#include "config/used_fields.h"

#include <algorithm>
#include <span>

#include "base/format.h"
#include "config/document.h"
#include "expr/program.h"

namespace penstock::config {

namespace {

std::set<std::string, std::less<>> NamesOf(const std::vector<SchemaField>& fields) {
  std::set<std::string, std::less<>> names;
  for (const SchemaField& field : fields) names.insert(field.name);
  return names;
}

// "a.b.c" is the field a.b.c, else c within a.b, else b.c within a. Of an `a` that is not declared,
// while some a.x is, all is needed.
void AddPath(const std::vector<SchemaField>& fields, const expr::FieldPath& path,
             UsedFields& used) {
  for (std::size_t parts = path.size(); parts > 0; --parts) {
    const std::string name = fmt::format("{}", fmt::join(std::span(path).first(parts), "."));
    if (FindField(fields, name) == nullptr) continue;
    used.declared.insert(name);
    return;
  }
  const std::string members = path.front() + ".";
  const bool encloses = std::ranges::any_of(
      fields, [&](const SchemaField& field) { return field.name.starts_with(members); });
  if (encloses) {
    used.enclosing.insert(path.front());
  } else {
    used.all = true;
  }
}

void AddExpression(const SourceSpec& source, const std::string& expression, expr::Mode mode,
                   UsedFields& used) {
  expr::FieldTable table(NamesOf(source.schema_fields));
  expr::EnvironmentType environment;
  environment.mode = mode;
  const auto program = expr::Program::Compile(expression, environment, table);
  if (!program.ok() || program.value().uses().whole_record) {
    used.all = true;
    return;
  }
  for (const expr::FieldPath& path : program.value().uses().paths) {
    AddPath(source.schema_fields, path, used);
  }
}

void AddJoin(const JoinSpec& join, const std::string& source_id, UsedFields& used) {
  for (const JoinSide& side : {join.left, join.right}) {
    if (side.source_id == source_id) used.declared.insert(side.key);
  }
  for (const JoinOutputField& field : join.output_fields) {
    if (field.source_id == source_id) used.declared.insert(field.name);
  }
}

}  // namespace

UsedFields FieldsInUse(const PipelineSpec& spec, const SourceSpec& source) {
  UsedFields used;
  if (spec.filter && spec.filter->source_id == source.source_id) {
    AddExpression(source, spec.filter->expression, expr::Mode::kPlain, used);
  }
  for (const DedupSpec& dedup : spec.dedups) {
    if (dedup.source_id == source.source_id) {
      used.declared.insert(dedup.key.begin(), dedup.key.end());
    }
  }
  if (spec.join) {
    // What is behind the join sees the output fields alone.
    AddJoin(*spec.join, source.source_id, used);
  } else if (spec.stateless) {
    for (const StatelessOutput& output : spec.stateless->outputs) {
      AddExpression(source, output.expression, expr::Mode::kGlassFlow, used);
    }
  } else {
    used.all |= spec.sink.mapping.empty();
    for (const MappingEntry& entry : spec.sink.mapping) used.declared.insert(entry.name);
  }
  return used;
}

bool SinkReads(const PipelineSpec& spec, const std::string& name) {
  return spec.sink.mapping.empty() ||
         std::ranges::any_of(spec.sink.mapping,
                             [&](const MappingEntry& entry) { return entry.name == name; });
}

}  // namespace penstock::config
