#include "expr/method.h"

#include <cmath>

#include "base/format.h"
#include "expr/arithmetic.h"
#include "expr/number_text.h"
#include "expr/time_layout.h"
#include "expr/time_value.h"
#include "expr/value_text.h"

namespace penstock::expr {

namespace {

using Arguments = std::span<const Value>;

constexpr std::int64_t kDaySeconds = 86400;
constexpr std::int64_t kSecondNs = 1'000'000'000;

const Time& TimeOf(Arguments arguments) {
  return *arguments[0].time;
}
Value NewTime(Context& context, const Time& time) {
  return Value::OfTime(context.arena().Copy(time));
}
std::int64_t Wrapped(std::int64_t seconds, std::int64_t scale, std::int64_t more) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(seconds) *
                                       static_cast<std::uint64_t>(scale) +
                                   static_cast<std::uint64_t>(more));
}

template <int CivilTime::*Part>
Value PartOf(Context& /*context*/, Arguments arguments) {
  return Value::Int(TimeOf(arguments).Civil().*Part);
}
Value Year(Context& /*context*/, Arguments arguments) {
  return Value::Int(TimeOf(arguments).Civil().year);
}
Value MonthOf(Context& /*context*/, Arguments arguments) {
  return Value::Month(TimeOf(arguments).Civil().month);
}
Value WeekdayOf(Context& /*context*/, Arguments arguments) {
  return Value::Weekday(TimeOf(arguments).Weekday());
}
Value YearDayOf(Context& /*context*/, Arguments arguments) {
  return Value::Int(TimeOf(arguments).YearDay());
}
Value NanosecondOf(Context& /*context*/, Arguments arguments) {
  return Value::Int(TimeOf(arguments).nanoseconds);
}
// The year to which its Thursday belongs.
Value IsoWeek(Context& /*context*/, Arguments arguments) {
  Time time = TimeOf(arguments);
  time.seconds += (3 - (time.Weekday() + 6) % 7) * kDaySeconds;
  return Value::Int(time.Civil().year);
}
// Seconds scaled to a unit, and the nanoseconds in it.
template <std::int64_t PerSecond>
Value SinceEpoch(Context& /*context*/, Arguments arguments) {
  const Time& time = TimeOf(arguments);
  return Value::Int(Wrapped(time.seconds, PerSecond, time.nanoseconds / (kSecondNs / PerSecond)));
}
Value Seconds(Context& /*context*/, Arguments arguments) {
  return Value::Int(TimeOf(arguments).seconds);
}

Value After(Context& /*context*/, Arguments arguments) {
  return Value::Bool(*arguments[1].time < TimeOf(arguments));
}
Value Before(Context& /*context*/, Arguments arguments) {
  return Value::Bool(TimeOf(arguments) < *arguments[1].time);
}
Value EqualTime(Context& /*context*/, Arguments arguments) {
  return Value::Bool(TimeOf(arguments).SameInstant(*arguments[1].time));
}
Value CompareTime(Context& /*context*/, Arguments arguments) {
  const Time& other = *arguments[1].time;
  return Value::Int(TimeOf(arguments) < other ? -1 : other < TimeOf(arguments) ? 1 : 0);
}
Value AddTo(Context& context, Arguments arguments) {
  return NewTime(context, TimeOf(arguments).Plus(arguments[1].integer));
}
Value Sub(Context& /*context*/, Arguments arguments) {
  return Value::Duration(TimeOf(arguments).Minus(*arguments[1].time));
}

Value AddDate(Context& context, Arguments arguments) {
  const Time& time = TimeOf(arguments);
  const CivilTime civil = time.Civil();
  constexpr std::int64_t kMost = 1'000'000'000;
  for (const Value& part : arguments.subspan(1)) {
    if (part.integer > kMost || part.integer < -kMost) {
      return context.Fail("AddDate: this is too far from now");
    }
  }
  const std::int64_t days =
      DaysOf(civil.year + arguments[1].integer, civil.month + arguments[2].integer,
             civil.day + arguments[3].integer);
  const std::int64_t local =
      days * kDaySeconds + civil.hour * 3600 + civil.minute * 60 + civil.second;
  Time moved = time;
  moved.seconds = time.zone != nullptr ? time.zone->ToUtc(local) : local - time.fixed_offset;
  return NewTime(context, moved);
}

// Cut to a multiple of a duration since the year 1, as Go counts.
Time Cut(const Time& time, std::int64_t unit, bool to_nearest) {
  if (unit <= 0) return time;
  __extension__ using Exact = __int128;
  constexpr std::int64_t kSecondsSinceYear1 = 62'135'596'800;
  const Exact ns =
      (static_cast<Exact>(time.seconds) + kSecondsSinceYear1) * kSecondNs + time.nanoseconds;
  Exact rest = ns % unit;
  if (rest < 0) rest += unit;
  const auto cut = static_cast<std::int64_t>(rest);
  if (to_nearest && cut >= unit - cut) return time.Plus(unit - cut);
  return time.Plus(-cut);
}
Value TruncateTime(Context& context, Arguments arguments) {
  return NewTime(context, Cut(TimeOf(arguments), arguments[1].integer, false));
}
Value RoundTime(Context& context, Arguments arguments) {
  return NewTime(context, Cut(TimeOf(arguments), arguments[1].integer, true));
}

Value Utc(Context& context, Arguments arguments) {
  Time time = TimeOf(arguments);
  time.SetOffset(0, "UTC");
  return NewTime(context, time);
}
Value In(Context& context, Arguments arguments) {
  if (arguments[1].kind != Kind::kZone) return context.Fail("In needs a time zone, found nil");
  Time time = TimeOf(arguments);
  time.SetZone(arguments[1].zone);
  return NewTime(context, time);
}
Value LocationOf(Context& context, Arguments arguments) {
  const Time& time = TimeOf(arguments);
  if (time.zone != nullptr) return Value::OfZone(time.zone);
  if (time.fixed_offset == 0) return Value::OfZone(Zone::Find("UTC"));
  return context.Fail("this time has an offset only, no time zone");
}
Value ZoneName(Context& context, Arguments arguments) {
  return context.NewString(TimeOf(arguments).OffsetHere().abbreviation);
}
Value IsDst(Context& /*context*/, Arguments arguments) {
  return Value::Bool(TimeOf(arguments).OffsetHere().daylight_saving);
}
Value IsZero(Context& /*context*/, Arguments arguments) {
  const Time& time = TimeOf(arguments);
  return Value::Bool(time.seconds == -62'135'596'800 && time.nanoseconds == 0);
}
Value Format(Context& context, Arguments arguments) {
  std::string& text = context.scratch();
  AppendLayout(text, TimeOf(arguments), arguments[1].string());
  return context.NewString(text);
}
// String() of any of them.
Value Printed(Context& context, Arguments arguments) {
  std::string& text = context.scratch();
  AppendConverted(text, arguments[0]);
  return context.NewString(text);
}

template <std::int64_t Unit>
Value FloatUnits(Context& /*context*/, Arguments arguments) {
  const std::int64_t ns = arguments[0].integer;
  return Value::Float(static_cast<double>(ns / Unit) +
                      static_cast<double>(ns % Unit) / static_cast<double>(Unit));
}
template <std::int64_t Unit>
Value WholeUnits(Context& /*context*/, Arguments arguments) {
  return Value::Int(arguments[0].integer / Unit);
}
Value AbsDuration(Context& /*context*/, Arguments arguments) {
  const std::int64_t ns = arguments[0].integer;
  if (ns >= 0) return arguments[0];
  return Value::Duration(ns == INT64_MIN ? INT64_MAX : -ns);
}
Value TruncateDuration(Context& /*context*/, Arguments arguments) {
  const std::int64_t unit = arguments[1].integer;
  if (unit <= 0) return arguments[0];
  return Value::Duration(arguments[0].integer - arguments[0].integer % unit);
}
Value RoundDuration(Context& /*context*/, Arguments arguments) {
  const std::int64_t unit = arguments[1].integer;
  if (unit <= 0) return arguments[0];
  __extension__ using Exact = __int128;
  const Exact ns = arguments[0].integer;
  const Exact rest = ns % unit;
  const Exact size = rest < 0 ? -rest : rest;
  Exact rounded = ns - rest;
  if (size + size >= unit) rounded += rest < 0 ? -static_cast<Exact>(unit) : unit;
  if (rounded > INT64_MAX) rounded = INT64_MAX;
  if (rounded < INT64_MIN) rounded = INT64_MIN;
  return Value::Duration(static_cast<std::int64_t>(rounded));
}

constexpr auto kTime = TypeKind::kTime;
constexpr auto kDuration = TypeKind::kDuration;

// The reference's Date, Clock and Zone give several values.
const Method kMethods[] = {
    {kTime, "Add", "d", kTime, AddTo},
    {kTime, "AddDate", "iii", kTime, AddDate},
    {kTime, "After", "t", TypeKind::kBool, After},
    {kTime, "Before", "t", TypeKind::kBool, Before},
    {kTime, "Clock", "", TypeKind::kInt, PartOf<&CivilTime::hour>, 3},
    {kTime, "Compare", "t", TypeKind::kInt, CompareTime},
    {kTime, "Date", "", TypeKind::kInt, Year, 3},
    {kTime, "Day", "", TypeKind::kInt, PartOf<&CivilTime::day>},
    {kTime, "Equal", "t", TypeKind::kBool, EqualTime},
    {kTime, "Format", "s", TypeKind::kString, Format},
    {kTime, "Hour", "", TypeKind::kInt, PartOf<&CivilTime::hour>},
    {kTime, "ISOWeek", "", TypeKind::kInt, IsoWeek, 2},
    {kTime, "In", "z", kTime, In},
    {kTime, "IsDST", "", TypeKind::kBool, IsDst},
    {kTime, "IsZero", "", TypeKind::kBool, IsZero},
    {kTime, "Local", "", kTime, Utc},
    {kTime, "Location", "", TypeKind::kZone, LocationOf},
    {kTime, "Minute", "", TypeKind::kInt, PartOf<&CivilTime::minute>},
    {kTime, "Month", "", TypeKind::kMonth, MonthOf},
    {kTime, "Nanosecond", "", TypeKind::kInt, NanosecondOf},
    {kTime, "Round", "d", kTime, RoundTime},
    {kTime, "Second", "", TypeKind::kInt, PartOf<&CivilTime::second>},
    {kTime, "String", "", TypeKind::kString, Printed},
    {kTime, "Sub", "t", kDuration, Sub},
    {kTime, "Truncate", "d", kTime, TruncateTime},
    {kTime, "UTC", "", kTime, Utc},
    {kTime, "Unix", "", TypeKind::kInt64, Seconds},
    {kTime, "UnixMicro", "", TypeKind::kInt64, SinceEpoch<1'000'000>},
    {kTime, "UnixMilli", "", TypeKind::kInt64, SinceEpoch<1'000>},
    {kTime, "UnixNano", "", TypeKind::kInt64, SinceEpoch<1'000'000'000>},
    {kTime, "Weekday", "", TypeKind::kWeekday, WeekdayOf},
    {kTime, "Year", "", TypeKind::kInt, Year},
    {kTime, "YearDay", "", TypeKind::kInt, YearDayOf},
    {kTime, "Zone", "", TypeKind::kString, ZoneName, 2},
    {kDuration, "Abs", "", kDuration, AbsDuration},
    {kDuration, "Hours", "", TypeKind::kFloat, FloatUnits<3'600'000'000'000>},
    {kDuration, "Microseconds", "", TypeKind::kInt64, WholeUnits<1'000>},
    {kDuration, "Milliseconds", "", TypeKind::kInt64, WholeUnits<1'000'000>},
    {kDuration, "Minutes", "", TypeKind::kFloat, FloatUnits<60'000'000'000>},
    {kDuration, "Nanoseconds", "", TypeKind::kInt64, WholeUnits<1>},
    {kDuration, "Round", "d", kDuration, RoundDuration},
    {kDuration, "Seconds", "", TypeKind::kFloat, FloatUnits<1'000'000'000>},
    {kDuration, "String", "", TypeKind::kString, Printed},
    {kDuration, "Truncate", "d", kDuration, TruncateDuration},
    {TypeKind::kMonth, "String", "", TypeKind::kString, Printed},
    {TypeKind::kWeekday, "String", "", TypeKind::kString, Printed},
    {TypeKind::kZone, "String", "", TypeKind::kString, Printed},
};

bool Fits(char parameter, const Value& argument) {
  switch (parameter) {
    case 't':
      return argument.kind == Kind::kTime;
    case 'd':
      return argument.kind == Kind::kDuration;
    case 's':
      return argument.kind == Kind::kString;
    case 'i':
      return argument.kind == Kind::kInt;
    default:
      return argument.kind == Kind::kZone || argument.kind == Kind::kNil;
  }
}

}  // namespace

const Method* FindMethod(TypeKind receiver, std::string_view name) {
  for (const Method& method : kMethods) {
    if (method.receiver == receiver && method.name == name) return &method;
  }
  return nullptr;
}

TypeKind ReceiverOf(const Value& value) {
  switch (value.kind) {
    case Kind::kTime:
      return TypeKind::kTime;
    case Kind::kDuration:
      return TypeKind::kDuration;
    case Kind::kMonth:
      return TypeKind::kMonth;
    case Kind::kWeekday:
      return TypeKind::kWeekday;
    case Kind::kZone:
      return TypeKind::kZone;
    default:
      return TypeKind::kUnknown;
  }
}

Value CallMethod(Context& context, const BoundMethod& bound, Arguments arguments) {
  const Method& method = *bound.method;
  constexpr std::size_t kMost = 3;
  if (arguments.size() != method.parameters.size()) {
    return context.Fail(fmt::format("{} takes {} arguments, found {}", method.name,
                                    method.parameters.size(), arguments.size()));
  }
  Value all[1 + kMost] = {bound.receiver};
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (!Fits(method.parameters[i], arguments[i])) {
      return context.Fail(fmt::format("{} cannot take {} here", method.name, NameOf(arguments[i])));
    }
    all[i + 1] = arguments[i];
  }
  return method.body(context, {all, arguments.size() + 1});
}

}  // namespace penstock::expr
