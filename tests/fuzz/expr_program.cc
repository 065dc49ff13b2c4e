#include "fuzz/expr_program.h"

#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "expr/evaluator.h"
#include "expr/json_reader.h"
#include "expr/json_writer.h"
#include "expr/output.h"
#include "expr/program.h"
#include "expr/record_row.h"
#include "expr/value_text.h"

namespace penstock::expr {
namespace {

// Small, so that a run is quick.
constexpr Budget kBudget = {.items = 20'000, .bytes = std::size_t{4} << 20U, .steps = 200'000};

// The result in all forms, or the error.
std::string Shown(Evaluator& evaluator, const Program& program, RecordRow& row) {
  const auto value = evaluator.Evaluate(program, row);
  if (!value.ok()) {
    PENSTOCK_CHECK(value.error().remedy == Remedy::kDeadLetter, value.error().detail);
    return value.error().detail;
  }
  Context& context = evaluator.context();
  std::string shown;
  AppendPrinted(context, shown, value.value());
  for (const OutputType type : {OutputType::kAsIs, OutputType::kString, OutputType::kInt,
                                OutputType::kFloat64, OutputType::kBool}) {
    context.StartExpression();
    const Value converted = ConvertOutput(context, type, value.value());
    std::string json;
    if (!context.failed()) AppendOutput(context, json, type, converted);
    if (context.failed()) continue;
    PENSTOCK_CHECK(IsUtf8(json) && ReadJson(context, json).has_value(), "an output is valid JSON");
    shown += json;
  }
  return shown;
}

void CheckProgram(std::string_view source, std::string_view record) {
  // Kept from input to input on purpose: what one leaves behind must not show in the next.
  static Evaluator evaluator(SystemClock(), kBudget);
  for (const Mode mode : {Mode::kPlain, Mode::kGlassFlow}) {
    EnvironmentType environment;
    environment.mode = mode;
    FieldTable fields;
    const auto program = Program::Compile(source, environment, fields);
    if (!program.ok()) return;
    evaluator.StartRow();
    RecordRow row(fields);
    if (!row.Read(evaluator.context(), record).ok()) return;
    const std::string first = Shown(evaluator, program.value(), row);
    const std::string second = Shown(evaluator, program.value(), row);
    const bool has_clock = source.find("now") != std::string_view::npos;
    PENSTOCK_CHECK(first == second || has_clock, "a row has one result");
  }
}

}  // namespace
}  // namespace penstock::expr

void FuzzExprProgram(const std::uint8_t* data, std::size_t size) {
  const std::vector<char> copy(data, data + size);
  const std::string_view input(copy.data(), copy.size());
  const std::size_t end = input.find('\n');
  if (end == std::string_view::npos) return;
  penstock::expr::CheckProgram(input.substr(0, end), input.substr(end + 1));
}

#ifdef PENSTOCK_LIBFUZZER
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzExprProgram(data, size);
  return 0;
}
#endif
