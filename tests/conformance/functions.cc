#include "conformance/expr_vectors.h"
#include "expr/evaluator.h"
#include "expr/output.h"
#include "expr/program.h"
#include "expr/record_row.h"

namespace penstock::conformance {

namespace {

// An expression over arguments that are fields a0, a1, ... or expressions themselves.
struct Call {
  std::string expression;
  Json fields = Json::object();

  std::string Add(const Json& argument) {
    if (argument.is_object() && argument.contains("$expr")) {
      return "(" + argument.at("$expr").get<std::string>() + ")";
    }
    const std::string name = "a" + std::to_string(fields.size());
    fields[name] = argument;
    return name;
  }
};

// The value, or why there is none.
struct Gone {
  std::string error;
  std::string message;
  Json value;
};

Gone Run(const Call& call, const std::string* output_type) {
  expr::EnvironmentType environment;
  environment.mode = expr::Mode::kGlassFlow;
  expr::FieldTable fields;
  const auto program = expr::Program::Compile(call.expression, environment, fields);
  if (!program.ok()) return {"compile", program.error().detail, nullptr};
  expr::Evaluator evaluator;
  expr::Context& context = evaluator.context();
  expr::RecordRow row(fields);
  const std::string record = call.fields.dump();
  if (const Status read = row.Read(context, record); !read.ok()) {
    return {"record", read.error().detail, nullptr};
  }
  const auto value = evaluator.Evaluate(program.value(), row);
  if (!value.ok()) return {"runtime", value.error().detail, nullptr};
  if (output_type == nullptr) return {"", "", Notation(context, value.value())};
  const expr::OutputType type = expr::OutputTypeOf(*output_type);
  const expr::Value converted = expr::ConvertOutput(context, type, value.value());
  if (context.failed()) return {"convert", context.error(), nullptr};
  std::string json;
  expr::AppendOutput(context, json, type, converted);
  if (context.failed()) return {"marshal", context.error(), nullptr};
  return {"", "", Json::parse(json)};
}

Outcome Judge(const Json& line) {
  const std::string id = line.at("id");
  Call call;
  std::string output_type;
  const bool is_call = line.contains("function");
  if (is_call) {
    std::string arguments;
    for (const Json& argument : line.at("args")) {
      arguments += (arguments.empty() ? "" : ", ") + call.Add(argument);
    }
    call.expression = line.at("function").get<std::string>() + "(" + arguments + ")";
  } else {
    call.expression = call.Add(line.at("input"));
    output_type = line.at("output_type");
  }
  const Gone gone = Run(call, is_call ? nullptr : &output_type);
  const std::string expected = line.value("error", "");
  if (line.value("reference_defect", false)) return {id, ""};
  if (gone.error == expected && (!expected.empty() || SameValue(gone.value, line.at("result")))) {
    return {id, ""};
  }
  return {id, call.expression + (is_call ? "" : " as " + output_type) + " gives " +
                  (gone.error.empty() ? gone.value.dump() : gone.message) + " instead of " +
                  (expected.empty() ? line.at("result").dump() : "an error: " + expected)};
}

}  // namespace

std::vector<Outcome> RunFunctions(const std::filesystem::path& path) {
  return RunLines(path, Judge);
}

}  // namespace penstock::conformance
