#include "conformance/expr_vectors.h"
#include "expr/evaluator.h"
#include "expr/program.h"
#include "expr/record_row.h"

namespace penstock::conformance {

namespace {

// What became of an expression: "compile", "runtime", or empty and the value.
struct Evaluated {
  std::string error;
  std::string message;
  Json value;
};

Evaluated Evaluate(const Json& line) {
  expr::EnvironmentType environment;
  if (line.at("mode") == "glassflow") environment.mode = expr::Mode::kGlassFlow;
  expr::FieldTable fields;
  const auto program =
      expr::Program::Compile(line.at("expr").get<std::string>(), environment, fields);
  if (!program.ok()) return {"compile", program.error().detail, nullptr};
  expr::Evaluator evaluator;
  expr::RecordRow row(fields);
  const std::string record = line.at("env").dump();
  const Status read = row.Read(evaluator.context(), record);
  if (!read.ok()) return {"record", read.error().detail, nullptr};
  const auto value = evaluator.Evaluate(program.value(), row);
  if (!value.ok()) return {"runtime", value.error().detail, nullptr};
  return {"", "", Notation(evaluator.context(), value.value())};
}

// Where the reference has a defect, an error and another value are as good.
Outcome Judge(const Json& line) {
  const std::string id = line.at("id");
  const Evaluated evaluated = Evaluate(line);
  const std::string expected = line.value("error", "");
  const bool defect = line.value("reference_defect", false);
  if (defect && evaluated.error != "compile") return {id, ""};
  if (evaluated.error != expected) {
    const std::string got = evaluated.error.empty() ? evaluated.value.dump() : evaluated.message;
    return {id, line.at("expr").get<std::string>().substr(0, 100) + " gives " + got +
                    " instead of " +
                    (expected.empty() ? line.at("result").dump() : "an error: " + expected)};
  }
  if (!expected.empty()) return {id, ""};
  const std::string text = line.at("expr");
  const bool powers = text.find("**") != std::string::npos || text.find('^') != std::string::npos;
  if (SameValue(evaluated.value, line.at("result"), powers ? 1e-12 : 0,
                line.value("unordered", false))) {
    return {id, ""};
  }
  return {id, text.substr(0, 100) + " gives " + evaluated.value.dump().substr(0, 200) +
                  " instead of " + line.at("result").dump().substr(0, 200)};
}

}  // namespace

std::vector<Outcome> RunExpr(const std::filesystem::path& path) {
  return RunLines(path, Judge);
}

}  // namespace penstock::conformance
