#include "ctl/eval_command.h"

#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "base/format.h"
#include "ctl/command_line.h"
#include "expr/evaluator.h"
#include "expr/output.h"
#include "expr/program.h"
#include "expr/record_row.h"
#include "expr/source_error.h"
#include "process/exit_codes.h"

namespace penstock::ctl {

namespace {

struct EvalFlags {
  std::vector<std::string> expression;
  std::string input;
  std::string mode = "transform";
  std::string output_type;
};

/// Evaluates one expression over records, a line each, and prints what it gives.
class Trial {
 public:
  Trial(const EvalFlags& flags, const expr::Program& program, const expr::FieldTable& fields)
      : flags_(flags),
        program_(program),
        type_(expr::OutputTypeOf(flags.output_type)),
        row_(fields) {}

  /// False: the record, or the expression over it, is at fault, and it was said.
  bool Try(std::string_view record) {
    evaluator_.StartRow();
    if (const Status read = row_.Read(evaluator_.context(), record); !read.ok()) {
      return Refuse(read.error().detail);
    }
    const auto value = evaluator_.Evaluate(program_, row_);
    if (!value.ok()) return Refuse(expr::Show(program_.source(), evaluator_.fault()));
    if (flags_.mode == "filter" && value.value().kind != expr::Kind::kBool) {
      return Refuse("a filter must give true or false");
    }
    const expr::Value converted = expr::ConvertOutput(evaluator_.context(), type_, value.value());
    std::string out;
    if (!evaluator_.context().failed()) {
      expr::AppendOutput(evaluator_.context(), out, type_, converted);
    }
    if (evaluator_.context().failed()) {
      return Refuse(evaluator_.context().error());
    }
    fmt::print("{}  ({})\n", out, expr::TypeNameOf(converted));
    return true;
  }

 private:
  static bool Refuse(std::string_view why) {
    std::fflush(stdout);
    fmt::print(stderr, "error: {}\n", why);
    return false;
  }

  const EvalFlags& flags_;
  const expr::Program& program_;
  const expr::OutputType type_;
  expr::Evaluator evaluator_;
  expr::RecordRow row_;
};

// --input FILE, or "-": a record a line; without it one record without fields.
int TryAll(const EvalFlags& all, Trial& trial) {
  if (all.input.empty()) return trial.Try("{}") ? process::kExitOk : process::kExitFailure;
  std::ifstream file;
  if (all.input != "-") {
    file.open(all.input);
    if (!file) {
      return Failed("eval", {Remedy::kStop, "usage", fmt::format("{} cannot be read", all.input)});
    }
  }
  std::istream& in = all.input == "-" ? std::cin : file;
  bool good = true;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) good &= trial.Try(line);
  }
  return good ? process::kExitOk : process::kExitFailure;
}

}  // namespace

int EvalCommand(std::span<const std::string_view> args) {
  EvalFlags all;
  process::Flags flags("penstock eval",
                       "Tries an expression on records and prints what it gives, with its type, or "
                       "the error with a caret under its place. Exit code 1: the expression does "
                       "not compile, or a record is at fault.");
  flags.Arguments("EXPRESSION", 1, 1, &all.expression);
  flags.Text("input", "FILE",
             "a JSON object a line; - is standard input; without it one record "
             "without fields",
             &all.input);
  flags.Choice("mode", {"transform", "filter"},
               "with GlassFlow's helper functions, or as a filter: the language's own alone, and "
               "true or false as the result",
               &all.mode);
  flags.Text("output-type", "TYPE",
             "the output_type of a stateless transformation: string, int, "
             "float64, bool; anything else leaves the value as it is",
             &all.output_type);
  flags.Example("penstock eval '1 + 2'", "3, and its type");
  flags.Example("penstock eval 'upper(name)' --input users.jsonl", "of each record");
  flags.Example("penstock eval 'age >= 18' --mode filter --input users.jsonl", "which ones stay");
  if (const auto over = ParseOrAnswer(flags, args, "eval")) return *over;
  expr::EnvironmentType environment;
  if (all.mode == "transform") environment.mode = expr::Mode::kGlassFlow;
  expr::FieldTable fields;
  const auto program = expr::Program::Compile(all.expression.front(), environment, fields);
  if (!program.ok()) return Failed("eval", program.error());
  Trial trial(all, program.value(), fields);
  const int code = TryAll(all, trial);
  std::fflush(stdout);
  return code;
}

}  // namespace penstock::ctl
