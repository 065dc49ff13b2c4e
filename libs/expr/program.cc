#include "expr/program.h"

#include "expr/builtin_names.h"
#include "expr/checker.h"
#include "expr/code.h"
#include "expr/compiler.h"
#include "expr/field_uses.h"
#include "expr/fold.h"
#include "expr/parser.h"

namespace penstock::expr {

namespace {

Fault CompileInto(std::string_view source, const EnvironmentType& environment, FieldTable& fields,
                  Code& code) {
  const IsOverridden is_overridden = [&](std::string_view name) {
    return environment.Find(name) != nullptr ||
           (environment.mode == Mode::kGlassFlow && IsHelper(name));
  };
  Tree tree;
  std::deque<Type> types;
  if (Fault fault = Parse(source, is_overridden, tree)) return fault;
  if (Fault fault = Check(tree, environment, types)) return fault;
  code.type = tree.root->type.Plain();
  code.uses = UsesOf(*tree.root);
  if (Fault fault = Fold(tree)) return fault;
  return Emit(tree, environment, fields, code);
}

}  // namespace

Program::Program(std::unique_ptr<const Code> code) : code_(std::move(code)) {}
Program::Program(Program&&) noexcept = default;
Program& Program::operator=(Program&&) noexcept = default;
Program::~Program() = default;

Result<Program> Program::Compile(std::string_view source, const EnvironmentType& environment,
                                 FieldTable& fields) {
  auto code = std::make_unique<Code>();
  code->source = source;
  if (const Fault fault = CompileInto(source, environment, fields, *code)) {
    return AsError(source, *fault);
  }
  return Program(std::move(code));
}

std::string_view Program::source() const {
  return code_->source;
}
const FieldUse& Program::uses() const {
  return code_->uses;
}
const Type& Program::type() const {
  return code_->type;
}

}  // namespace penstock::expr
