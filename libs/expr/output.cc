#include "expr/output.h"

#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "expr/json_writer.h"
#include "expr/number_text.h"
#include "expr/value_text.h"

namespace penstock::expr {

namespace {

Value Refuse(Context& context, std::string_view type, const Value& value) {
  std::string shown;
  if (value.IsString()) shown = fmt::format(" '{}'", value.string().substr(0, 60));
  return context.Fail(fmt::format("{}{} cannot be converted to {}", NameOf(value), shown, type));
}

// Times and zones are numbers to no output type; months, weekdays and durations are.
bool IsStoredAsNumber(const Value& value) {
  return value.IsNumber() || value.kind == Kind::kDuration || value.kind == Kind::kMonth ||
         value.kind == Kind::kWeekday;
}

Value AsString(Context& context, const Value& value) {
  if (value.IsString()) return value;
  std::string& text = context.scratch();
  if (!AppendConverted(text, value)) return Refuse(context, "string", value);
  return context.NewString(text);
}

// "4.7" counts as 4.
std::string_view WithoutDecimals(std::string_view text) {
  const std::size_t point = text.find('.');
  if (point == std::string_view::npos) return text;
  const bool sign = text[0] == '+' || text[0] == '-';
  const auto digits = [](std::string_view part) {
    return part.find_first_not_of("0123456789") == std::string_view::npos;
  };
  if (!digits(text.substr(sign ? 1 : 0, point - (sign ? 1 : 0)))) return text;
  if (!digits(text.substr(point + 1))) return text;
  return point == (sign ? 1U : 0U) ? std::string_view("0") : text.substr(0, point);
}

Value AsInt(Context& context, const Value& value) {
  if (value.kind == Kind::kNil) return Value::Int(0);
  if (value.kind == Kind::kBool) return Value::Int(value.boolean ? 1 : 0);
  if (IsStoredAsNumber(value)) {
    if (const auto integer = TruncatedNumber(value)) return Value::Int(*integer);
    return context.Fail("this number is beyond the integers of 64 bits");
  }
  if (value.IsString()) {
    if (value.size == 0) return Value::Int(0);
    if (const auto integer = ParseInteger(WithoutDecimals(value.string()), 0)) {
      return Value::Int(*integer);
    }
  }
  return Refuse(context, "int", value);
}

Value AsFloat(Context& context, const Value& value) {
  if (value.kind == Kind::kNil) return Value::Float(0);
  if (value.kind == Kind::kBool) return Value::Float(value.boolean ? 1 : 0);
  if (IsStoredAsNumber(value)) return Value::Float(value.AsDouble());
  if (value.IsString()) {
    if (value.size == 0) return Value::Float(0);
    if (const auto number = ParseFloat(value.string())) return Value::Float(*number);
  }
  return Refuse(context, "float64", value);
}

Value AsBool(Context& context, const Value& value) {
  if (value.kind == Kind::kNil) return Value::Bool(false);
  if (value.kind == Kind::kBool) return value;
  if (IsStoredAsNumber(value)) {
    if (std::isnan(value.AsDouble())) return Refuse(context, "bool", value);
    return Value::Bool(value.AsDouble() != 0);
  }
  if (value.IsString()) {
    constexpr std::string_view kTrue[] = {"1", "t", "T", "TRUE", "true", "True"};
    constexpr std::string_view kFalse[] = {"0", "f", "F", "FALSE", "false", "False"};
    const auto is_one_of = [&](std::span<const std::string_view> words) {
      return std::find(words.begin(), words.end(), value.string()) != words.end();
    };
    if (is_one_of(kTrue)) return Value::Bool(true);
    if (is_one_of(kFalse)) return Value::Bool(false);
  }
  return Refuse(context, "bool", value);
}

}  // namespace

OutputType OutputTypeOf(std::string_view declared) {
  if (declared == "string") return OutputType::kString;
  if (declared == "int" || declared == "int64") return OutputType::kInt;
  if (declared == "float64") return OutputType::kFloat64;
  if (declared == "bool") return OutputType::kBool;
  return OutputType::kAsIs;
}

Value ConvertOutput(Context& context, OutputType type, const Value& value) {
  switch (type) {
    case OutputType::kString:
      return AsString(context, value);
    case OutputType::kInt:
      return AsInt(context, value);
    case OutputType::kFloat64:
      return AsFloat(context, value);
    case OutputType::kBool:
      return AsBool(context, value);
    case OutputType::kAsIs:
      return value;
  }
  return value;
}

void AppendOutput(Context& context, std::string& out, OutputType type, const Value& value) {
  if (type != OutputType::kFloat64) return AppendJson(context, out, value, false);
  if (!std::isfinite(value.number)) {
    context.Fail("JSON has no form for an infinite number or not-a-number");
    return;
  }
  const std::size_t from = out.size();
  AppendPlain(out, value.number);
  if (out.find('.', from) == std::string::npos) out += ".0";
}

Result<Outputs> Outputs::Make(const std::vector<OutputSpec>& specs, FieldTable& fields) {
  Outputs made;
  EnvironmentType environment;
  environment.mode = Mode::kGlassFlow;
  for (const OutputSpec& spec : specs) {
    auto program = Program::Compile(spec.expression, environment, fields);
    if (!program.ok()) {
      return std::move(program).error().Within(fmt::format("output '{}'", spec.name));
    }
    made.outputs_.push_back({std::move(program).value(), spec.name, OutputTypeOf(spec.type)});
  }
  return made;
}

Status Outputs::Evaluate(Evaluator& evaluator, Row& row, std::vector<Value>& values) const {
  values.clear();
  for (const Output& output : outputs_) {
    PENSTOCK_ASSIGN_OR_RETURN(const Value value, evaluator.Evaluate(output.program, row));
    Context& context = evaluator.context();
    values.push_back(ConvertOutput(context, output.type, value));
    if (context.failed()) return RowError(output.program.source(), 0, context.error());
  }
  return Done{};
}

Status Outputs::AppendRecord(Evaluator& evaluator, const std::vector<Value>& values,
                             std::string& out) const {
  std::vector<std::size_t> order(outputs_.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) {
    return outputs_[a].name < outputs_[b].name;
  });
  Context& context = evaluator.context();
  out += '{';
  for (std::size_t i = 0; i < order.size(); ++i) {
    const Output& output = outputs_[order[i]];
    const bool again = i + 1 < order.size() && outputs_[order[i + 1]].name == output.name;
    if (again) continue;
    if (out.back() != '{') out += ',';
    AppendEscaped(out, output.name);
    out += ':';
    AppendOutput(context, out, output.type, values[order[i]]);
    if (context.failed()) return RowError(output.program.source(), 0, context.error());
  }
  out += '}';
  return Done{};
}

}  // namespace penstock::expr
