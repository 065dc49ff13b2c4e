#include "expr/check_schema.h"

#include "base/format.h"
#include "expr/program.h"
#include "expr/source_error.h"

namespace penstock::expr {

namespace {

Type TypeOf(FieldType type, bool integers) {
  switch (type) {
    case FieldType::kString:
    case FieldType::kBytes:
      return TypeKind::kString;
    case FieldType::kBool:
      return TypeKind::kBool;
    case FieldType::kFloat32:
    case FieldType::kFloat64:
      return TypeKind::kFloat;
    case FieldType::kArray:
      return TypeKind::kArray;
    case FieldType::kMap:
      return TypeKind::kMap;
    default:
      return integers ? TypeKind::kInt : TypeKind::kFloat;
  }
}

EnvironmentType Declared(std::span<const SchemaField> fields, Mode mode) {
  EnvironmentType environment;
  environment.mode = mode;
  environment.declared = true;
  for (const SchemaField& field : fields) {
    environment.fields[field.name] = TypeOf(field.type, mode == Mode::kGlassFlow);
  }
  // Last, so that "a.b" makes a map of an "a" that is declared, too.
  for (const SchemaField& field : fields) {
    const std::size_t dot = field.name.find('.');
    if (dot == std::string::npos || dot == 0) continue;
    environment.fields[field.name.substr(0, dot)] = TypeKind::kMap;
  }
  return environment;
}

Result<Type> Check(std::string_view expression, const EnvironmentType& environment) {
  if (expression.empty()) return AsError(expression, {0, "the expression is empty"});
  FieldTable table;
  PENSTOCK_ASSIGN_OR_RETURN(const Program program,
                            Program::Compile(expression, environment, table));
  // When it runs, nothing is declared: a field by the name of a function is then that function.
  EnvironmentType running;
  running.mode = environment.mode;
  PENSTOCK_RETURN_IF_ERROR(Program::Compile(expression, running, table));
  return program.type();
}

}  // namespace

Status CheckFilter(std::string_view expression, std::span<const SchemaField> fields) {
  PENSTOCK_ASSIGN_OR_RETURN(const Type type, Check(expression, Declared(fields, Mode::kPlain)));
  if (type.IsBool() || type.IsUnknown()) return Done{};
  return AsError(expression, {0, fmt::format("a filter's result must be a boolean, this one is {}",
                                             NameOf(type))});
}

Status CheckStateless(std::string_view expression, std::span<const SchemaField> fields) {
  PENSTOCK_RETURN_IF_ERROR(Check(expression, Declared(fields, Mode::kGlassFlow)));
  return Done{};
}

}  // namespace penstock::expr
