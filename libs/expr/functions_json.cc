#include "base/text.h"
#include "expr/arguments.h"
#include "expr/base64.h"
#include "expr/function.h"
#include "expr/json_reader.h"
#include "expr/json_writer.h"

namespace penstock::expr {

namespace {

using Arguments = std::span<const Value>;

Value ToJson(Context& context, Arguments arguments) {
  std::string& json = context.scratch();
  AppendJson(context, json, arguments[0], true);
  return context.failed() ? Value::Nil() : context.NewString(json);
}

Value FromJson(Context& context, Arguments arguments) {
  const std::string_view json = StringArgument(context, arguments, 0, "fromJSON");
  if (context.failed()) return Value::Nil();
  return ReadJson(context, json).value_or(Value::Nil());
}

Value ToBase64(Context& context, Arguments arguments) {
  return context.NewString(Base64Encode(StringArgument(context, arguments, 0, "toBase64")));
}

Value FromBase64(Context& context, Arguments arguments) {
  const auto bytes = DecodeBase64(StringArgument(context, arguments, 0, "fromBase64"));
  if (!bytes) return context.Fail("fromBase64: this is no Base64");
  return context.NewString(*bytes);
}

}  // namespace

std::span<const Function> JsonFunctions() {
  static const Function functions[] = {
      {"toJSON", ToJson, Rule::kOverloads, {"*"}, TypeKind::kString},
      {"fromJSON", FromJson, Rule::kOverloads, {"s"}, TypeKind::kAny},
      {"toBase64", ToBase64, Rule::kOverloads, {"s"}, TypeKind::kString},
      {"fromBase64", FromBase64, Rule::kOverloads, {"s"}, TypeKind::kString},
  };
  return functions;
}

}  // namespace penstock::expr
