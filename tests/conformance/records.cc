#include "conformance/expr_vectors.h"
#include "expr/evaluator.h"
#include "expr/output.h"
#include "expr/program.h"
#include "expr/record_row.h"

namespace penstock::conformance {

namespace {

struct Gone {
  std::string error;
  Json result;
};

Gone Filter(const Json& line) {
  expr::FieldTable fields;
  const auto filter = expr::Program::Compile(line.at("expr").get<std::string>(), {}, fields);
  if (!filter.ok()) return {filter.error().detail, nullptr};
  expr::Evaluator evaluator;
  expr::RecordRow row(fields);
  const std::string record = line.at("input");
  if (const Status read = row.Read(evaluator.context(), record); !read.ok()) {
    return {read.error().detail, nullptr};
  }
  const auto keeps = evaluator.Keeps(filter.value(), row);
  if (!keeps.ok()) return {keeps.error().detail, nullptr};
  return {"", keeps.value()};
}

Gone Stateless(const Json& line) {
  std::vector<expr::OutputSpec> specs;
  for (const Json& transform : line.at("transforms")) {
    specs.push_back(
        {transform.at("expression"), transform.at("output_name"), transform.at("output_type")});
  }
  expr::FieldTable fields;
  const auto outputs = expr::Outputs::Make(specs, fields);
  if (!outputs.ok()) return {outputs.error().detail, nullptr};
  expr::Evaluator evaluator;
  expr::RecordRow row(fields);
  const std::string record = line.at("input");
  if (const Status read = row.Read(evaluator.context(), record); !read.ok()) {
    return {read.error().detail, nullptr};
  }
  std::vector<expr::Value> values;
  if (const Status done = outputs.value().Evaluate(evaluator, row, values); !done.ok()) {
    return {done.error().detail, nullptr};
  }
  std::string written;
  if (const Status done = outputs.value().AppendRecord(evaluator, values, written); !done.ok()) {
    return {done.error().detail, nullptr};
  }
  return {"", written};
}

Outcome Judge(const Json& line) {
  const std::string id = line.at("id");
  const bool filter = line.at("kind") == "filter";
  const Gone gone = filter ? Filter(line) : Stateless(line);
  if (line.value("reference_defect", false)) return {id, ""};
  const Json& expected =
      line.contains("error") ? line.at("error") : line.at(filter ? "keep" : "output");
  if (line.contains("error") ? !gone.error.empty()
                             : gone.error.empty() && gone.result == expected) {
    return {id, ""};
  }
  return {id, "gives " + (gone.error.empty() ? gone.result.dump() : gone.error) + " instead of " +
                  expected.dump()};
}

}  // namespace

std::vector<Outcome> RunRecords(const std::filesystem::path& path) {
  return RunLines(path, Judge);
}

}  // namespace penstock::conformance
