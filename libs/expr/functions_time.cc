#include "base/format.h"
#include "expr/arguments.h"
#include "expr/function.h"
#include "expr/time_layout.h"
#include "expr/time_value.h"

namespace penstock::expr {

namespace {

using Arguments = std::span<const Value>;

Value Now(Context& context, Arguments arguments) {
  const std::int64_t ms = context.clock().WallMs();
  Time time;
  time.seconds = ms / 1000 - (ms % 1000 < 0 ? 1 : 0);
  time.nanoseconds = static_cast<std::int32_t>((ms - time.seconds * 1000) * 1'000'000);
  if (!arguments.empty()) {
    if (arguments[0].kind != Kind::kZone) {
      return FailArgument(context, "now", "a time zone", arguments[0]);
    }
    time.SetZone(arguments[0].zone);
  }
  return Value::OfTime(context.arena().Copy(time));
}

Value ToDuration(Context& context, Arguments arguments) {
  const std::string_view text = StringArgument(context, arguments, 0, "duration");
  if (context.failed()) return Value::Nil();
  if (const auto ns = ParseGoDuration(text)) return Value::Duration(*ns);
  return context.Fail(
      fmt::format("duration: '{}' is none; write 1h30m, 45s or 250ms (units ns, us, ms, s, m, h)",
                  text.substr(0, 60)));
}

const Zone* FindZone(Context& context, std::string_view name) {
  const Zone* const zone = Zone::Find(name);
  if (zone == nullptr) {
    context.Fail(fmt::format("'{}' is no time zone; write a name such as Europe/Berlin",
                             name.substr(0, 60)));
  }
  return zone;
}

Value ToZone(Context& context, Arguments arguments) {
  const std::string_view name = StringArgument(context, arguments, 0, "timezone");
  const Zone* const zone = context.failed() ? nullptr : FindZone(context, name);
  return zone == nullptr ? Value::Nil() : Value::OfZone(zone);
}

constexpr std::string_view kLayouts[] = {
    "2006-01-02",
    "15:04:05",
    "2006-01-02 15:04:05",
    "2006-01-02T15:04:05Z07:00",
    "02 Jan 06 15:04 MST",
    "Monday, 02-Jan-06 15:04:05 MST",
    "Mon, 02 Jan 2006 15:04:05 MST",
};

// date([zone,] text [, layout [, zone's name]])
Value ToDate(Context& context, Arguments arguments) {
  const Zone* zone = nullptr;
  if (arguments[0].kind == Kind::kZone) {
    zone = arguments[0].zone;
    arguments = arguments.subspan(1);
    if (!AtLeast(context, arguments, 1, "date with a time zone")) return Value::Nil();
  }
  const std::string_view text = StringArgument(context, arguments, 0, "date");
  std::optional<Time> time;
  if (arguments.size() == 2 || arguments.size() == 3) {
    const std::string_view layout = StringArgument(context, arguments, 1, "date");
    if (arguments.size() == 3) {
      const std::string_view name = StringArgument(context, arguments, 2, "date");
      if (!context.failed()) zone = FindZone(context, name);
    }
    if (context.failed()) return Value::Nil();
    time = ParseLayout(layout, text, zone);
    if (!time) {
      return context.Fail(fmt::format("date: '{}' is not written as '{}'", text.substr(0, 60),
                                      layout.substr(0, 60)));
    }
    return Value::OfTime(context.arena().Copy(*time));
  }
  if (context.failed()) return Value::Nil();
  for (const std::string_view layout : kLayouts) {
    time = ParseLayout(layout, text, zone);
    if (time) return Value::OfTime(context.arena().Copy(*time));
  }
  return context.Fail(
      fmt::format("date: '{}' is not in a form that is known without a layout, such as 2024-03-15, "
                  "2024-03-15 10:22:31 or 2024-03-15T10:22:31Z",
                  text.substr(0, 60)));
}

}  // namespace

std::span<const Function> TimeFunctions() {
  static const Function functions[] = {
      {"now", Now, Rule::kNow},
      {"duration", ToDuration, Rule::kOverloads, {"s"}, TypeKind::kDuration},
      {"date", ToDate, Rule::kDate},
      {"timezone", ToZone, Rule::kOverloads, {"s"}, TypeKind::kZone},
  };
  return functions;
}

}  // namespace penstock::expr
