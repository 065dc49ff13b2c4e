#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "clickhouse/fixed_writer.h"
#include "clickhouse/writer_factory.h"

namespace penstock::clickhouse {

namespace {

template <typename T>
struct IntegerCodec {
  using Out = T;

  Out Default() const { return 0; }
  FaultKind Convert(std::int64_t value, Out& out) const { return Narrow(value, out); }
  FaultKind Convert(std::uint64_t value, Out& out) const { return Narrow(value, out); }

  // Without a branch a value, so that the compiler uses vector instructions.
  template <typename In>
  requires std::integral<In> &&
      (sizeof(In) == 8) bool ConvertAll(const char* from, std::size_t count, Out* out) const {
    bool fits = true;
    for (std::size_t i = 0; i < count; ++i) {
      const In value = LoadUnaligned<In>(from + i * sizeof(In));
      fits &= std::in_range<Out>(value);
      out[i] = static_cast<Out>(value);
    }
    return fits;
  }

 private:
  template <typename In>
  static FaultKind Narrow(In value, Out& out) {
    if (!std::in_range<Out>(value)) return FaultKind::kOutOfRange;
    out = static_cast<Out>(value);
    return FaultKind::kNone;
  }
};

template <typename T>
struct FloatCodec {
  using Out = T;

  Out Default() const { return 0; }
  FaultKind Convert(double value, Out& out) const {
    if constexpr (sizeof(Out) < sizeof(double)) {
      if (std::abs(value) > std::numeric_limits<Out>::max()) return FaultKind::kOutOfRange;
    }
    out = static_cast<Out>(value);
    return FaultKind::kNone;
  }
  FaultKind Convert(std::int64_t value, Out& out) const {
    out = static_cast<Out>(value);
    return FaultKind::kNone;
  }
  FaultKind Convert(std::uint64_t value, Out& out) const {
    out = static_cast<Out>(value);
    return FaultKind::kNone;
  }
  FaultKind ConvertNumber(std::string_view text, Out& out) const {
    double value = 0;
    const FaultKind fault = ParseDouble(text, value);
    return fault == FaultKind::kNone ? Convert(value, out) : fault;
  }
};

// The upper half of a Float32, rounded to the nearest, ties to even.
struct BFloat16Codec {
  using Out = std::uint16_t;

  Out Default() const { return 0; }
  FaultKind Convert(double value, Out& out) const {
    float narrow = 0;
    const FaultKind fault = FloatCodec<float>().Convert(value, narrow);
    if (fault != FaultKind::kNone) return fault;
    const auto bits = std::bit_cast<std::uint32_t>(narrow);
    constexpr Out kNan = 0x7FC0;
    constexpr Out kInfinity = 0x7F80;
    out = std::isnan(narrow) ? kNan : static_cast<Out>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
    const bool fits = std::isnan(narrow) || (out & kInfinity) != kInfinity;
    return fits ? FaultKind::kNone : FaultKind::kOutOfRange;
  }
  FaultKind Convert(std::int64_t value, Out& out) const {
    return Convert(static_cast<double>(value), out);
  }
  FaultKind Convert(std::uint64_t value, Out& out) const {
    return Convert(static_cast<double>(value), out);
  }
  FaultKind ConvertNumber(std::string_view text, Out& out) const {
    double value = 0;
    const FaultKind fault = ParseDouble(text, value);
    return fault == FaultKind::kNone ? Convert(value, out) : fault;
  }
};

struct BoolCodec {
  using Out = std::uint8_t;

  Out Default() const { return 0; }
  FaultKind Convert(bool value, Out& out) const {
    out = value ? 1 : 0;
    return FaultKind::kNone;
  }
  FaultKind Convert(std::int64_t value, Out& out) const { return ZeroOrOne(value, out); }
  FaultKind Convert(std::uint64_t value, Out& out) const { return ZeroOrOne(value, out); }
  // Of a JSON number, or of a key of a map.
  FaultKind ConvertNumber(std::string_view text, Out& out) const {
    if (text == "true" || text == "false") return Convert(text == "true", out);
    WideInteger value;
    const FaultKind fault = ParseInteger(text, value);
    if (fault != FaultKind::kNone) return fault;
    return value.negative && value.magnitude != 0 ? FaultKind::kOutOfRange
                                                  : Convert(value.magnitude, out);
  }

 private:
  template <typename In>
  static FaultKind ZeroOrOne(In value, Out& out) {
    if (value != 0 && value != 1) return FaultKind::kOutOfRange;
    out = static_cast<Out>(value);
    return FaultKind::kNone;
  }
};

template <typename Codec>
Result<WriterPtr> Make(const ClickHouseType& type, const WriterOptions&) {
  if (!type.arguments.empty()) return TypeError(type, "expected no arguments");
  return WriterPtr(std::make_unique<FixedWriter<Codec>>(ToText(type), Codec()));
}

constexpr WriterMaker kMakeInterval = Make<IntegerCodec<std::int64_t>>;

}  // namespace

std::span<const TypeFamily> NumberTypes() {
  static constexpr std::array kTypes = {
      TypeFamily{"Bool", ValueKind::kBool, Make<BoolCodec>},
      TypeFamily{"Int8", ValueKind::kInteger, Make<IntegerCodec<std::int8_t>>},
      TypeFamily{"Int16", ValueKind::kInteger, Make<IntegerCodec<std::int16_t>>},
      TypeFamily{"Int32", ValueKind::kInteger, Make<IntegerCodec<std::int32_t>>},
      TypeFamily{"Int64", ValueKind::kInteger, Make<IntegerCodec<std::int64_t>>},
      TypeFamily{"UInt8", ValueKind::kInteger, Make<IntegerCodec<std::uint8_t>>},
      TypeFamily{"UInt16", ValueKind::kInteger, Make<IntegerCodec<std::uint16_t>>},
      TypeFamily{"UInt32", ValueKind::kInteger, Make<IntegerCodec<std::uint32_t>>},
      TypeFamily{"UInt64", ValueKind::kInteger, Make<IntegerCodec<std::uint64_t>>},
      TypeFamily{"Float32", ValueKind::kFloat, Make<FloatCodec<float>>},
      TypeFamily{"Float64", ValueKind::kFloat, Make<FloatCodec<double>>},
      TypeFamily{"BFloat16", ValueKind::kFloat, Make<BFloat16Codec>},
      // A number of the unit in the name.
      TypeFamily{"IntervalNanosecond", ValueKind::kInteger, kMakeInterval},
      TypeFamily{"IntervalMicrosecond", ValueKind::kInteger, kMakeInterval},
      TypeFamily{"IntervalMillisecond", ValueKind::kInteger, kMakeInterval},
      TypeFamily{"IntervalSecond", ValueKind::kInteger, kMakeInterval},
      TypeFamily{"IntervalMinute", ValueKind::kInteger, kMakeInterval},
      TypeFamily{"IntervalHour", ValueKind::kInteger, kMakeInterval},
      TypeFamily{"IntervalDay", ValueKind::kInteger, kMakeInterval},
      TypeFamily{"IntervalWeek", ValueKind::kInteger, kMakeInterval},
      TypeFamily{"IntervalMonth", ValueKind::kInteger, kMakeInterval},
      TypeFamily{"IntervalQuarter", ValueKind::kInteger, kMakeInterval},
      TypeFamily{"IntervalYear", ValueKind::kInteger, kMakeInterval},
  };
  return kTypes;
}

}  // namespace penstock::clickhouse
