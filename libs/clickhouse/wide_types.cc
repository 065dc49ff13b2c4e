#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <memory>
#include <utility>

#include "clickhouse/fixed_writer.h"
#include "clickhouse/writer_factory.h"

namespace penstock::clickhouse {

namespace {

// A two's complement number as Native has it: the least significant limb first.
template <std::size_t kLimbs>
struct Limbs {
  std::array<std::uint64_t, kLimbs> limbs{};
};

template <std::size_t kLimbs>
Limbs<kLimbs> TwosComplement(const WideNumber& value) {
  Limbs<kLimbs> out;
  std::uint64_t carry = 1;
  for (std::size_t i = 0; i < kLimbs; ++i) {
    out.limbs[i] = value.limbs[i];
    if (!value.negative) continue;
    out.limbs[i] = ~out.limbs[i] + carry;
    if (out.limbs[i] != 0) carry = 0;
  }
  return out;
}

// The integers of 128 and 256 bits.
template <std::size_t kLimbs, bool kSigned>
class WideCodec {
 public:
  using Out = Limbs<kLimbs>;

  Out Default() const { return {}; }
  FaultKind Convert(std::int64_t value, Out& out) const { return Fit(WideNumber::Of(value), out); }
  FaultKind Convert(std::uint64_t value, Out& out) const { return Fit(WideNumber::Of(value), out); }
  FaultKind Convert(std::string_view digits, Out& out) const {
    WideNumber value;
    const FaultKind fault = ParseWide(digits, 0, Excess::kRefuse, value);
    if (fault == FaultKind::kNone) return Fit(value, out);
    return fault == FaultKind::kWrongKind ? FaultKind::kNotParsed : fault;
  }
  FaultKind ConvertNumber(std::string_view digits, Out& out) const { return Convert(digits, out); }

 private:
  static FaultKind Fit(WideNumber value, Out& out) {
    value.negative = value.negative && !value.IsZero();
    if (!kSigned && value.negative) return FaultKind::kOutOfRange;
    for (std::size_t i = kLimbs; i < value.limbs.size(); ++i) {
      if (value.limbs[i] != 0) return FaultKind::kOutOfRange;
    }
    out = TwosComplement<kLimbs>(value);
    // The highest bit is the sign's.
    const bool high = (out.limbs[kLimbs - 1] >> 63) != 0;
    return !kSigned || high == value.negative ? FaultKind::kNone : FaultKind::kOutOfRange;
  }
};

// A number times 10^scale, of fewer than `precision` digits.
template <std::size_t kLimbs>
class DecimalCodec {
 public:
  using Out = Limbs<kLimbs>;

  DecimalCodec(unsigned precision, unsigned scale) : limit_(PowerOfTen(precision)), scale_(scale) {}

  Out Default() const { return {}; }
  FaultKind Convert(std::int64_t value, Out& out) const {
    return Scale(WideNumber::Of(value), out);
  }
  FaultKind Convert(std::uint64_t value, Out& out) const {
    return Scale(WideNumber::Of(value), out);
  }
  // Of a result of an expression, which has no other digits than the shortest that are it.
  FaultKind Convert(double value, Out& out) const {
    if (!std::isfinite(value)) return FaultKind::kOutOfRange;
    std::array<char, 32> digits;
    const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc()) return FaultKind::kOutOfRange;
    return Convert(std::string_view(digits.data(), end), out);
  }
  FaultKind Convert(std::string_view digits, Out& out) const {
    WideNumber value;
    const FaultKind fault = ParseWide(digits, scale_, Excess::kRound, value);
    if (fault == FaultKind::kNone) return Fit(value, out);
    return fault == FaultKind::kWrongKind ? FaultKind::kNotParsed : fault;
  }
  FaultKind ConvertNumber(std::string_view digits, Out& out) const { return Convert(digits, out); }

 private:
  FaultKind Scale(WideNumber value, Out& out) const {
    constexpr unsigned kStep = 19;
    for (unsigned left = scale_; left > 0; left -= std::min(left, kStep)) {
      if (!value.ShiftAndAdd(std::min(left, kStep), 0)) return FaultKind::kOutOfRange;
    }
    return Fit(value, out);
  }
  FaultKind Fit(const WideNumber& value, Out& out) const {
    if (!value.IsBelow(limit_)) return FaultKind::kOutOfRange;
    out = TwosComplement<kLimbs>(value);
    return FaultKind::kNone;
  }

  const WideNumber limit_;
  const unsigned scale_;
};

// Decimals of up to 18 digits lie in four or eight bytes.
template <typename T>
class SmallDecimalCodec {
 public:
  using Out = T;

  SmallDecimalCodec(unsigned precision, unsigned scale) : wide_(precision, scale) {}

  Out Default() const { return 0; }
  template <typename In>
  FaultKind Take(In value, Out& out) const {
    Limbs<1> limbs;
    const FaultKind fault = wide_.Convert(value, limbs);
    out = static_cast<Out>(limbs.limbs[0]);
    return fault;
  }
  FaultKind Convert(std::int64_t value, Out& out) const { return Take(value, out); }
  FaultKind Convert(std::uint64_t value, Out& out) const { return Take(value, out); }
  FaultKind Convert(double value, Out& out) const { return Take(value, out); }
  FaultKind Convert(std::string_view digits, Out& out) const { return Take(digits, out); }
  FaultKind ConvertNumber(std::string_view digits, Out& out) const { return Take(digits, out); }

 private:
  DecimalCodec<1> wide_;
};

template <typename Codec>
Result<WriterPtr> Make(const ClickHouseType& type, const WriterOptions&) {
  if (!type.arguments.empty()) return TypeError(type, "expected no arguments");
  return WriterPtr(std::make_unique<FixedWriter<Codec>>(ToText(type), Codec()));
}

WriterPtr DecimalOf(const ClickHouseType& type, unsigned precision, unsigned scale) {
  const auto make = [&]<typename Codec>(Codec codec) -> WriterPtr {
    return std::make_unique<FixedWriter<Codec>>(ToText(type), std::move(codec));
  };
  if (precision <= 9) return make(SmallDecimalCodec<std::int32_t>(precision, scale));
  if (precision <= 18) return make(SmallDecimalCodec<std::int64_t>(precision, scale));
  if (precision <= 38) return make(DecimalCodec<2>(precision, scale));
  return make(DecimalCodec<4>(precision, scale));
}

constexpr std::int64_t kMostPrecision = 76;

Result<std::int64_t> NumberFrom(const ClickHouseType& type, std::size_t i, std::int64_t least,
                                std::int64_t most) {
  const TypeArgument& argument = type.arguments[i];
  if (argument.kind == TypeArgument::Kind::kNumber && argument.number >= least &&
      argument.number <= most) {
    return argument.number;
  }
  return TypeError(type, fmt::format("expected a number from {} to {}", least, most));
}

Result<WriterPtr> MakeDecimal(const ClickHouseType& type, const WriterOptions&) {
  if (type.arguments.empty() || type.arguments.size() > 2) {
    return TypeError(type, "expected precision and scale");
  }
  PENSTOCK_ASSIGN_OR_RETURN(const std::int64_t precision, NumberFrom(type, 0, 1, kMostPrecision));
  std::int64_t scale = 0;
  if (type.arguments.size() == 2) {
    PENSTOCK_ASSIGN_OR_RETURN(scale, NumberFrom(type, 1, 0, precision));
  }
  return DecimalOf(type, static_cast<unsigned>(precision), static_cast<unsigned>(scale));
}

// Decimal32(S) and so on, as people write them; the server prints Decimal(9, S).
template <unsigned kPrecision>
Result<WriterPtr> MakeDecimalOf(const ClickHouseType& type, const WriterOptions&) {
  if (type.arguments.size() != 1) return TypeError(type, "expected the scale");
  PENSTOCK_ASSIGN_OR_RETURN(const std::int64_t scale, NumberFrom(type, 0, 0, kPrecision));
  return DecimalOf(type, kPrecision, static_cast<unsigned>(scale));
}

}  // namespace

std::span<const TypeFamily> WideTypes() {
  static constexpr std::array kTypes = {
      TypeFamily{"Int128", ValueKind::kWideInteger, Make<WideCodec<2, true>>},
      TypeFamily{"Int256", ValueKind::kWideInteger, Make<WideCodec<4, true>>},
      TypeFamily{"UInt128", ValueKind::kWideInteger, Make<WideCodec<2, false>>},
      TypeFamily{"UInt256", ValueKind::kWideInteger, Make<WideCodec<4, false>>},
      TypeFamily{"Decimal", ValueKind::kDecimal, MakeDecimal},
      TypeFamily{"Decimal32", ValueKind::kDecimal, MakeDecimalOf<9>},
      TypeFamily{"Decimal64", ValueKind::kDecimal, MakeDecimalOf<18>},
      TypeFamily{"Decimal128", ValueKind::kDecimal, MakeDecimalOf<38>},
      TypeFamily{"Decimal256", ValueKind::kDecimal, MakeDecimalOf<76>},
  };
  return kTypes;
}

}  // namespace penstock::clickhouse
