#include "expr/value_text.h"

#include "base/format.h"
#include "expr/method.h"
#include "expr/number_text.h"
#include "expr/time_value.h"

namespace penstock::expr {

namespace {

void AppendNamed(std::string& out, std::string_view name, std::string_view kind,
                 std::int64_t number) {
  if (name.empty()) {
    out += fmt::format("%!{}({})", kind, number);
  } else {
    out += name;
  }
}

void Append(Context& context, std::string& out, const Value& value, int depth) {
  if (context.failed() || !context.Work(1) || !context.Fits(out)) return;
  if (depth > Context::kMaxDepth) {
    context.Fail("this value is nested too deeply to be printed");
    return;
  }
  if (value.IsArray()) {
    out += '[';
    for (std::size_t i = 0; i < value.size; ++i) {
      if (i > 0) out += ' ';
      Append(context, out, value.items[i], depth + 1);
    }
    out += ']';
  } else if (value.IsMap()) {
    out += "map[";
    for (std::size_t i = 0; i < value.size; ++i) {
      if (i > 0) out += ' ';
      Append(context, out, value.entries[i].key, depth + 1);
      out += ':';
      Append(context, out, value.entries[i].value, depth + 1);
    }
    out += ']';
  } else if (value.kind == Kind::kNil) {
    out += "<nil>";
  } else if (value.kind == Kind::kFloat) {
    AppendShort(out, value.number);
  } else {
    AppendConverted(out, value);
  }
}

}  // namespace

std::string_view NameOf(const Value& value) {
  switch (value.kind) {
    case Kind::kNil:
      return "nil";
    case Kind::kBool:
      return "a boolean";
    case Kind::kInt:
    case Kind::kByte:
      return "an integer";
    case Kind::kFloat:
    case Kind::kWide:
      return "a float";
    case Kind::kString:
      return "a string";
    case Kind::kArray:
      return "an array";
    case Kind::kMap:
      return "a map";
    case Kind::kTime:
      return "a time";
    case Kind::kDuration:
      return "a duration";
    case Kind::kMonth:
      return "a month";
    case Kind::kWeekday:
      return "a weekday";
    case Kind::kZone:
      return "a time zone";
    case Kind::kMethod:
      return "a method";
  }
  return "a value";
}

std::string_view TypeNameOf(const Value& value) {
  switch (value.kind) {
    case Kind::kNil:
      return "nil";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kByte:
      return "uint";
    case Kind::kFloat:
    case Kind::kWide:
      return "float";
    case Kind::kString:
      return "string";
    case Kind::kArray:
      return "array";
    case Kind::kMap:
      return "map";
    case Kind::kTime:
      return "time.Time";
    case Kind::kDuration:
      return "time.Duration";
    case Kind::kMonth:
      return "time.Month";
    case Kind::kWeekday:
      return "time.Weekday";
    case Kind::kZone:
      return "time.Location";
    case Kind::kMethod:
      return "func";
  }
  return "unknown";
}

void AppendPrinted(Context& context, std::string& out, const Value& value) {
  Append(context, out, value, 0);
}

bool AppendConverted(std::string& out, const Value& value) {
  switch (value.kind) {
    case Kind::kNil:
      return true;
    case Kind::kBool:
      out += value.boolean ? "true" : "false";
      return true;
    case Kind::kInt:
    case Kind::kByte:
      AppendInteger(out, value.integer);
      return true;
    case Kind::kFloat:
      AppendPlain(out, value.number);
      return true;
    case Kind::kWide:
      AppendWide(out, value);
      return true;
    case Kind::kString:
      out += value.string();
      return true;
    case Kind::kTime:
      AppendTime(out, *value.time);
      return true;
    case Kind::kDuration:
      AppendDuration(out, value.integer);
      return true;
    case Kind::kMonth:
      AppendNamed(out, MonthName(value.integer), "Month", value.integer);
      return true;
    case Kind::kWeekday:
      AppendNamed(out, WeekdayName(value.integer), "Weekday", value.integer);
      return true;
    case Kind::kZone:
      out += value.zone->name();
      return true;
    case Kind::kArray:
    case Kind::kMap:
    case Kind::kMethod:
      return false;
  }
  return false;
}

std::string_view TextOf(Context& context, const Value& value) {
  if (value.IsString()) return value.string();
  std::string& text = context.scratch();
  AppendConverted(text, value);
  return context.arena().Copy(std::string_view(text));
}

}  // namespace penstock::expr
