#include <array>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "clickhouse/fixed_writer.h"
#include "clickhouse/time_text.h"
#include "clickhouse/writer_factory.h"

namespace penstock::clickhouse {

namespace {

constexpr std::int64_t kDaySeconds = 86'400;
constexpr std::int64_t kSecondNanos = 1'000'000'000;

// What the types of this file have in common: a value becomes an instant, the instant the type's.
// `Target` has Out, and FaultKind FromInstant(const Instant&, Out&) const.
template <typename Target>
class TimeCodec {
 public:
  using Out = typename Target::Out;

  TimeCodec(Target target, bool milliseconds) : target_(target), milliseconds_(milliseconds) {}

  Out Default() const { return 0; }
  FaultKind Convert(std::string_view text, Out& out) const {
    Instant instant;
    return Finish(ParseTime(text, instant), instant, out);
  }
  FaultKind Convert(std::int64_t value, Out& out) const {
    Instant instant;
    const FaultKind fault =
        milliseconds_ ? TimeFromMilliseconds(value, instant) : TimeFromInteger(value, instant);
    return Finish(fault, instant, out);
  }
  FaultKind Convert(std::uint64_t value, Out& out) const {
    if (!std::in_range<std::int64_t>(value)) return FaultKind::kOutOfRange;
    return Convert(static_cast<std::int64_t>(value), out);
  }
  FaultKind Convert(double value, Out& out) const {
    Instant instant;
    return Finish(TimeFromDouble(value, instant), instant, out);
  }
  FaultKind ConvertNumber(std::string_view number, Out& out) const {
    Instant instant;
    return Finish(TimeFromDecimal(number, instant), instant, out);
  }

 private:
  FaultKind Finish(FaultKind fault, const Instant& instant, Out& out) const {
    return fault == FaultKind::kNone ? target_.FromInstant(instant, out) : fault;
  }

  const Target target_;
  const bool milliseconds_;
};

// Fractions are not stored.
struct DateTimeTarget {
  using Out = std::uint32_t;

  FaultKind FromInstant(const Instant& instant, Out& out) const {
    if (!std::in_range<Out>(instant.seconds)) return FaultKind::kOutOfRange;
    out = static_cast<Out>(instant.seconds);
    return FaultKind::kNone;
  }
};

// The years that DateTime64 and Date32 have: 1900 to 2299.
constexpr std::int64_t kFirstSecond = -2'208'988'800;
constexpr std::int64_t kLastSecond = 10'413'791'999;

struct DateTime64Target {
  using Out = std::int64_t;

  std::int64_t ticks_per_second = 1;
  std::int64_t nanoseconds_per_tick = 1;

  FaultKind FromInstant(const Instant& instant, Out& out) const {
    const bool in_range =
        instant.seconds >= kFirstSecond && instant.seconds <= kLastSecond &&
        !__builtin_mul_overflow(instant.seconds, ticks_per_second, &out) &&
        !__builtin_add_overflow(out, instant.nanoseconds / nanoseconds_per_tick, &out);
    return in_range ? FaultKind::kNone : FaultKind::kOutOfRange;
  }
};

struct DateTarget {
  using Out = std::uint16_t;

  FaultKind FromInstant(const Instant& instant, Out& out) const {
    if (instant.seconds < 0) return FaultKind::kOutOfRange;
    const std::int64_t days = instant.seconds / kDaySeconds;
    if (!std::in_range<Out>(days)) return FaultKind::kOutOfRange;
    out = static_cast<Out>(days);
    return FaultKind::kNone;
  }
};

struct Date32Target {
  using Out = std::int32_t;

  FaultKind FromInstant(const Instant& instant, Out& out) const {
    if (instant.seconds < kFirstSecond || instant.seconds > kLastSecond) {
      return FaultKind::kOutOfRange;
    }
    // Rounded down before 1970, too: the difference to the first day is not negative.
    const std::int64_t days = (instant.seconds - kFirstSecond) / kDaySeconds;
    out = static_cast<Out>(days + kFirstSecond / kDaySeconds);
    return FaultKind::kNone;
  }
};

// What Time and Time64 hold: just under 1000 hours, either way.
constexpr std::int64_t kMostSpanSeconds = 999 * 3600 + 59 * 60 + 59;

bool InSpan(const Instant& span) {
  // With a fraction below zero the seconds are the next lower ones.
  const std::int64_t least = -kMostSpanSeconds - (span.nanoseconds > 0 ? 1 : 0);
  return span.seconds >= least && span.seconds <= kMostSpanSeconds;
}

// Fractions are cut towards zero.
struct TimeTarget {
  using Out = std::int32_t;

  FaultKind FromSpan(const Instant& span, Out& out) const {
    if (!InSpan(span)) return FaultKind::kOutOfRange;
    const bool up = span.seconds < 0 && span.nanoseconds > 0;
    out = static_cast<Out>(span.seconds + (up ? 1 : 0));
    return FaultKind::kNone;
  }
};

struct Time64Target {
  using Out = std::int64_t;

  std::int64_t nanoseconds_per_tick = 1;

  FaultKind FromSpan(const Instant& span, Out& out) const {
    if (!InSpan(span)) return FaultKind::kOutOfRange;
    const std::int64_t nanoseconds = span.seconds * kSecondNanos + span.nanoseconds;
    out = nanoseconds / nanoseconds_per_tick;
    return FaultKind::kNone;
  }
};

// The types of a time of day: "[-]hours:minutes:seconds", or a number of seconds.
template <typename Target>
class SpanCodec {
 public:
  using Out = typename Target::Out;

  explicit SpanCodec(Target target) : target_(target) {}

  Out Default() const { return 0; }
  FaultKind Convert(std::string_view text, Out& out) const {
    Instant span;
    return Finish(ParseClock(text, span), span, out);
  }
  FaultKind Convert(std::int64_t value, Out& out) const {
    return Finish(FaultKind::kNone, {value, 0}, out);
  }
  FaultKind Convert(std::uint64_t value, Out& out) const {
    if (!std::in_range<std::int64_t>(value)) return FaultKind::kOutOfRange;
    return Convert(static_cast<std::int64_t>(value), out);
  }
  FaultKind Convert(double value, Out& out) const {
    Instant span;
    return Finish(SecondsFromDouble(value, span), span, out);
  }
  FaultKind ConvertNumber(std::string_view number, Out& out) const {
    Instant span;
    return Finish(SecondsFromDecimal(number, span), span, out);
  }

 private:
  FaultKind Finish(FaultKind fault, const Instant& span, Out& out) const {
    return fault == FaultKind::kNone ? target_.FromSpan(span, out) : fault;
  }

  const Target target_;
};

template <typename Target>
WriterPtr MakeWith(const ClickHouseType& type, const WriterOptions& options, Target target) {
  using Codec = TimeCodec<Target>;
  return std::make_unique<FixedWriter<Codec>>(ToText(type), Codec(target, options.milliseconds));
}

template <typename Target>
Result<WriterPtr> MakeDate(const ClickHouseType& type, const WriterOptions& options) {
  if (!type.arguments.empty()) return TypeError(type, "expected no arguments");
  return MakeWith(type, options, Target());
}

// The zone is for printing only: the instant is what is stored.
bool IsZone(const ClickHouseType& type, std::size_t index) {
  return type.arguments.size() == index + 1 &&
         type.arguments[index].kind == TypeArgument::Kind::kText;
}

Result<WriterPtr> MakeDateTime(const ClickHouseType& type, const WriterOptions& options) {
  if (!type.arguments.empty() && !IsZone(type, 0)) {
    return TypeError(type, "expected a time zone in quotes");
  }
  return MakeWith(type, options, DateTimeTarget());
}

// DateTime64 and Time64 count ticks of 10^-precision seconds.
std::int64_t NanosecondsPerTick(std::int64_t precision) {
  std::int64_t nanoseconds = kSecondNanos;
  for (; precision > 0; --precision) nanoseconds /= 10;
  return nanoseconds;
}

bool IsPrecision(const TypeArgument& argument) {
  return argument.kind == TypeArgument::Kind::kNumber && argument.number >= 0 &&
         argument.number <= 9;
}

constexpr std::int64_t kDefaultPrecision = 3;

Result<WriterPtr> MakeDateTime64(const ClickHouseType& type, const WriterOptions& options) {
  std::int64_t precision = kDefaultPrecision;
  if (!type.arguments.empty()) {
    const bool good =
        IsPrecision(type.arguments[0]) && (type.arguments.size() == 1 || IsZone(type, 1));
    if (!good) return TypeError(type, "expected a precision from 0 to 9 and a time zone in quotes");
    precision = type.arguments[0].number;
  }
  const std::int64_t tick = NanosecondsPerTick(precision);
  return MakeWith(type, options, DateTime64Target{kSecondNanos / tick, tick});
}

Result<WriterPtr> MakeTime(const ClickHouseType& type, const WriterOptions&) {
  if (!type.arguments.empty()) return TypeError(type, "expected no arguments");
  using Codec = SpanCodec<TimeTarget>;
  return WriterPtr(std::make_unique<FixedWriter<Codec>>(ToText(type), Codec({})));
}

Result<WriterPtr> MakeTime64(const ClickHouseType& type, const WriterOptions&) {
  const bool good =
      type.arguments.empty() || (type.arguments.size() == 1 && IsPrecision(type.arguments[0]));
  if (!good) return TypeError(type, "expected a precision from 0 to 9");
  const std::int64_t precision =
      type.arguments.empty() ? kDefaultPrecision : type.arguments[0].number;
  using Codec = SpanCodec<Time64Target>;
  return WriterPtr(std::make_unique<FixedWriter<Codec>>(
      ToText(type), Codec(Time64Target{NanosecondsPerTick(precision)})));
}

}  // namespace

std::span<const TypeFamily> TimeTypes() {
  static constexpr std::array kTypes = {
      TypeFamily{"DateTime", ValueKind::kTime, MakeDateTime},
      TypeFamily{"DateTime32", ValueKind::kTime, MakeDateTime},
      TypeFamily{"DateTime64", ValueKind::kTime, MakeDateTime64},
      TypeFamily{"Date", ValueKind::kTime, MakeDate<DateTarget>},
      TypeFamily{"Date32", ValueKind::kTime, MakeDate<Date32Target>},
      TypeFamily{"Time", ValueKind::kSpan, MakeTime},
      TypeFamily{"Time64", ValueKind::kSpan, MakeTime64},
  };
  return kTypes;
}

}  // namespace penstock::clickhouse
