#include "support/native_reader.h"

#include <bit>
#include <cmath>
#include <ctime>
#include <utility>

#include "base/bytes.h"
#include "base/text.h"
#include "model/clickhouse_type.h"

namespace penstock::testing {

namespace {

using Values = std::vector<std::string>;

std::string JsonString(std::string_view text) {
  std::string out;
  AppendJsonString(out, text);
  return out;
}

std::string TimeText(std::int64_t seconds, std::int64_t nanoseconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  std::string text =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1,
                  parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
  if (nanoseconds != 0) {
    std::string digits = fmt::format("{:09}", nanoseconds);
    digits.erase(digits.find_last_not_of('0') + 1);
    text += "." + digits;
  }
  return JsonString(text + "Z");
}

// Reads the values of a column of some type; the reader turns bad on bytes that do not fit.
class ValuesReader {
 public:
  explicit ValuesReader(ByteReader& reader) : reader_(reader) {}

  bool supported() const { return supported_; }

  void ReadPrefix(const ClickHouseType& type) {
    if (type.name == "LowCardinality") {
      if (reader_.Fixed<std::uint64_t>() != 1) supported_ = false;
      return;
    }
    if (type.name == "Dynamic") return ReadDynamicPrefix();
    // JSON as strings is 1, alternatives with a byte a row are 0.
    if (type.name == "JSON" && reader_.Fixed<std::uint64_t>() != 1) supported_ = false;
    if (type.name == "Variant" && reader_.Fixed<std::uint64_t>() != 0) supported_ = false;
    if (type.name == "JSON" || type.name == "QBit") return;
    for (const TypeArgument& argument : type.arguments) {
      for (const ClickHouseType& inner : argument.type) ReadPrefix(inner);
    }
  }

  Values Read(const ClickHouseType& type, std::size_t rows) {
    if (type.name == "Nullable") return ReadNullable(Inner(type), rows);
    if (type.name == "LowCardinality") return ReadLowCardinality(Inner(type), rows);
    if (type.name == "Array") return ReadArray(Inner(type), rows);
    if (type.name == "Map") return ReadMap(type, rows);
    if (type.name == "Tuple") return ReadTuple(type, rows);
    if (type.name == "Nested") {
      const std::vector<std::uint64_t> ends = ReadOffsets(rows);
      return Joined(ends, ReadTuple(type, ends.empty() ? 0 : ends.back()), '[', ']');
    }
    if (type.name == "SimpleAggregateFunction") return Read(Inner(type, 1), rows);
    if (const auto points = PointsOf(type.name); !points.name.empty()) return Read(points, rows);
    if (type.name == "Variant") return ReadVariant(type, rows);
    if (type.name == "Dynamic") return ReadDynamic(rows);
    Values values;
    for (std::size_t i = 0; i < rows && reader_.ok() && supported_; ++i) {
      values.push_back(ReadOne(type));
    }
    return values;
  }

 private:
  static const ClickHouseType& Inner(const ClickHouseType& type, std::size_t i = 0) {
    return type.arguments.at(i).type.at(0);
  }

  // A geo type as the type that it is another name of; without a name: it is none.
  static ClickHouseType PointsOf(std::string_view name) {
    constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
        {"Point", "Tuple(Float64, Float64)"}, {"Ring", "Array(Point)"},
        {"LineString", "Array(Point)"},       {"Polygon", "Array(Ring)"},
        {"MultiLineString", "Array(Ring)"},   {"MultiPolygon", "Array(Polygon)"}};
    for (const auto& [geo, plain] : kTypes) {
      if (geo == name) return ParseClickHouseType(plain).value();
    }
    return {};
  }

  // Named elements as an object, others as an array.
  Values ReadTuple(const ClickHouseType& type, std::size_t rows) {
    Values values(rows);
    bool named = false;
    for (const TypeArgument& argument : type.arguments) {
      named = argument.kind == TypeArgument::Kind::kNamedType;
      const Values elements = Read(argument.type.at(0), rows);
      for (std::size_t i = 0; i < rows && i < elements.size(); ++i) {
        if (!values[i].empty()) values[i].push_back(',');
        values[i] += named ? JsonString(argument.text) + ":" + elements[i] : elements[i];
      }
    }
    if (type.arguments.empty()) reader_.Take(rows);
    for (std::string& value : values) value = named ? "{" + value + "}" : "[" + value + "]";
    return values;
  }

  Values ReadVariant(const ClickHouseType& type, std::size_t rows) {
    std::vector<ClickHouseType> types;
    for (const TypeArgument& argument : type.arguments) types.push_back(argument.type.at(0));
    return ReadAlternatives(types, std::string(reader_.Take(rows)), 255);
  }

  void ReadDynamicPrefix() {
    if (reader_.Fixed<std::uint64_t>() != 3) supported_ = false;
    std::vector<ClickHouseType> types;
    for (std::uint64_t count = reader_.Varint(); count > 0 && reader_.ok(); --count) {
      auto type = ParseClickHouseType(reader_.String());
      if (type.ok()) types.push_back(std::move(type).value());
    }
    // Arrays of Dynamic have prefixes of their own, in front of which this one's types lie.
    dynamics_.push_back(types);
    for (const ClickHouseType& type : types) ReadPrefix(type);
  }

  Values ReadDynamic(std::size_t rows) {
    if (next_dynamic_ == dynamics_.size()) return supported_ = false, Values();
    const std::vector<ClickHouseType> types = dynamics_[next_dynamic_++];
    return ReadAlternatives(types, std::string(reader_.Take(rows)), types.size());
  }

  Values ReadAlternatives(const std::vector<ClickHouseType>& types, const std::string& rows,
                          std::size_t null) {
    Values values(rows.size(), "null");
    for (std::size_t i = 0; i < types.size(); ++i) {
      std::vector<std::size_t> places;
      for (std::size_t row = 0; row < rows.size(); ++row) {
        const auto number = static_cast<unsigned char>(rows[row]);
        if (number == i) places.push_back(row);
        if (number >= types.size() && number != null) supported_ = false;
      }
      const Values of_type = Read(types[i], places.size());
      for (std::size_t j = 0; j < places.size() && j < of_type.size(); ++j) {
        values[places[j]] = of_type[j];
      }
    }
    return values;
  }

  Values ReadNullable(const ClickHouseType& inner, std::size_t rows) {
    const std::string nulls(reader_.Take(rows));
    Values values = Read(inner, rows);
    for (std::size_t i = 0; i < nulls.size() && i < values.size(); ++i) {
      if (nulls[i] != 0) values[i] = "null";
    }
    return values;
  }

  Values ReadLowCardinality(const ClickHouseType& type, std::size_t rows) {
    if (rows == 0) return {};
    const bool nullable = type.name == "Nullable";
    const auto flags = reader_.Fixed<std::uint64_t>();
    supported_ = supported_ && (flags & ~std::uint64_t{0xFF}) == 0x600;
    Values keys = Read(nullable ? Inner(type) : type, reader_.Fixed<std::uint64_t>());
    if (nullable && !keys.empty()) keys[0] = "null";
    if (reader_.Fixed<std::uint64_t>() != rows) supported_ = false;
    Values values;
    for (std::size_t i = 0; i < rows && reader_.ok() && supported_; ++i) {
      const std::uint64_t index = ReadIndex(flags & 0xFF);
      if (index >= keys.size()) return supported_ = false, Values();
      values.push_back(keys[index]);
    }
    return values;
  }

  std::uint64_t ReadIndex(std::uint64_t type) {
    if (type == 0) return reader_.Fixed<std::uint8_t>();
    if (type == 1) return reader_.Fixed<std::uint16_t>();
    return type == 2 ? reader_.Fixed<std::uint32_t>() : reader_.Fixed<std::uint64_t>();
  }

  std::vector<std::uint64_t> ReadOffsets(std::size_t rows) {
    std::vector<std::uint64_t> ends;
    for (std::size_t i = 0; i < rows && reader_.ok(); ++i) {
      ends.push_back(reader_.Fixed<std::uint64_t>());
      if (i > 0 && ends[i] < ends[i - 1]) supported_ = false;
    }
    return ends;
  }

  Values ReadArray(const ClickHouseType& inner, std::size_t rows) {
    const std::vector<std::uint64_t> ends = ReadOffsets(rows);
    if (!supported_ || !reader_.ok()) return {};
    const Values elements = Read(inner, ends.empty() ? 0 : ends.back());
    return Joined(ends, elements, '[', ']');
  }

  Values ReadMap(const ClickHouseType& type, std::size_t rows) {
    const std::vector<std::uint64_t> ends = ReadOffsets(rows);
    if (!supported_ || !reader_.ok()) return {};
    const std::size_t members = ends.empty() ? 0 : ends.back();
    Values elements = Read(Inner(type, 0), members);
    const Values values = Read(Inner(type, 1), members);
    if (elements.size() != values.size()) return {};
    for (std::size_t i = 0; i < elements.size(); ++i) {
      if (elements[i].front() != '"') elements[i] = "\"" + elements[i] + "\"";
      elements[i] += ":" + values[i];
    }
    return Joined(ends, elements, '{', '}');
  }

  static Values Joined(const std::vector<std::uint64_t>& ends, const Values& elements, char open,
                       char close) {
    Values values;
    std::size_t at = 0;
    for (const std::uint64_t end : ends) {
      std::string text(1, open);
      for (const std::size_t first = at; at < end && at < elements.size(); ++at) {
        if (at > first) text.push_back(',');
        text += elements[at];
      }
      values.push_back(text + close);
    }
    return values;
  }

  template <typename T>
  std::string Number() {
    return fmt::format("{}", reader_.Fixed<T>());
  }

  std::string ReadOne(const ClickHouseType& type) {
    const std::string& name = type.name;
    if (name == "Bool") return reader_.Fixed<std::uint8_t>() == 0 ? "false" : "true";
    if (name == "Int8") return fmt::format("{}", static_cast<int>(reader_.Fixed<std::int8_t>()));
    if (name == "UInt8") return fmt::format("{}", static_cast<int>(reader_.Fixed<std::uint8_t>()));
    if (name == "Int16") return Number<std::int16_t>();
    if (name == "Int32") return Number<std::int32_t>();
    if (name == "Int64") return Number<std::int64_t>();
    if (name == "UInt16") return Number<std::uint16_t>();
    if (name == "UInt32") return Number<std::uint32_t>();
    if (name == "UInt64") return Number<std::uint64_t>();
    if (name == "Float32") return Number<float>();
    if (name == "Float64") return Number<double>();
    if (name == "String") return JsonString(reader_.String());
    if (name == "FixedString") {
      return JsonString(reader_.Take(static_cast<std::uint64_t>(type.arguments.at(0).number)));
    }
    if (name == "JSON") return std::string(reader_.String());
    if (name == "UUID") return ReadUuid();
    if (name == "IPv4") return ReadIpv4();
    if (name == "IPv6") return ReadIpv6();
    if (name == "BFloat16") {
      const std::uint32_t bits = std::uint32_t{reader_.Fixed<std::uint16_t>()} << 16;
      return fmt::format("{}", std::bit_cast<float>(bits));
    }
    if (name.starts_with("Interval")) return Number<std::int64_t>();
    if (name == "Int128") return ReadWide(2, true, 0);
    if (name == "Int256") return ReadWide(4, true, 0);
    if (name == "UInt128") return ReadWide(2, false, 0);
    if (name == "UInt256") return ReadWide(4, false, 0);
    if (name == "Decimal") return ReadDecimal(type);
    if (name == "Time") return SpanText(reader_.Fixed<std::int32_t>(), 0);
    if (name == "Time64") {
      return SpanText(reader_.Fixed<std::int64_t>(), static_cast<int>(type.arguments.at(0).number));
    }
    if (name == "Enum8") return EnumName(type, reader_.Fixed<std::int8_t>());
    if (name == "Enum16") return EnumName(type, reader_.Fixed<std::int16_t>());
    return ReadTime(type);
  }

  std::string ReadIpv4() {
    const auto address = reader_.Fixed<std::uint32_t>();
    return fmt::format("\"{}.{}.{}.{}\"", address >> 24, address >> 16 & 255, address >> 8 & 255,
                       address & 255);
  }

  // All eight groups, without any shortening.
  std::string ReadIpv6() {
    const std::string_view bytes = reader_.Take(16);
    std::string text = "\"";
    for (std::size_t i = 0; i < bytes.size(); i += 2) {
      const unsigned group =
          static_cast<unsigned char>(bytes[i]) * 256U + static_cast<unsigned char>(bytes[i + 1]);
      text += fmt::format("{}{:x}", i == 0 ? "" : ":", group);
    }
    return text + "\"";
  }

  // A two's complement number of so many limbs, with `scale` digits behind the point.
  std::string ReadWide(std::size_t limbs, bool is_signed, std::size_t scale) {
    std::vector<std::uint32_t> halves;
    for (std::size_t i = 0; i < 2 * limbs; ++i) halves.push_back(reader_.Fixed<std::uint32_t>());
    return Decimal(std::move(halves), is_signed, scale);
  }

  std::string ReadDecimal(const ClickHouseType& type) {
    const std::int64_t precision = type.arguments.at(0).number;
    const auto scale =
        static_cast<std::size_t>(type.arguments.size() > 1 ? type.arguments[1].number : 0);
    if (precision <= 9) return Decimal({reader_.Fixed<std::uint32_t>()}, true, scale);
    return ReadWide(precision <= 18 ? 1 : precision <= 38 ? 2 : 4, true, scale);
  }

  // By long division, least significant half first.
  static std::string Decimal(std::vector<std::uint32_t> halves, bool is_signed, std::size_t scale) {
    const bool negative = is_signed && halves.back() >> 31 != 0;
    if (negative) {
      std::uint64_t carry = 1;
      for (std::uint32_t& half : halves) {
        carry += static_cast<std::uint32_t>(~half);
        half = static_cast<std::uint32_t>(carry);
        carry >>= 32;
      }
    }
    std::string digits;
    for (bool more = true; more || digits.size() <= scale;) {
      more = false;
      std::uint64_t rest = 0;
      for (std::size_t i = halves.size(); i-- > 0;) {
        rest = rest << 32 | halves[i];
        halves[i] = static_cast<std::uint32_t>(rest / 10);
        rest %= 10;
        more = more || halves[i] != 0;
      }
      digits.insert(digits.begin(), static_cast<char>('0' + rest));
    }
    if (scale > 0) digits.insert(digits.size() - scale, ".");
    return (negative ? "-" : "") + digits;
  }

  static std::string SpanText(std::int64_t ticks, int precision) {
    std::int64_t unit = 1;
    for (int i = 0; i < precision; ++i) unit *= 10;
    const std::int64_t span = ticks < 0 ? -ticks : ticks;
    std::string text = fmt::format("\"{}{}:{:02}:{:02}", ticks < 0 ? "-" : "", span / unit / 3600,
                                   span / unit / 60 % 60, span / unit % 60);
    if (precision > 0) text += fmt::format(".{:0{}}", span % unit, precision);
    return text + "\"";
  }

  std::string ReadTime(const ClickHouseType& type) {
    constexpr std::int64_t kDay = 86'400;
    if (type.name == "DateTime") return TimeText(reader_.Fixed<std::uint32_t>(), 0);
    if (type.name == "Date") return TimeText(reader_.Fixed<std::uint16_t>() * kDay, 0);
    if (type.name == "Date32") return TimeText(reader_.Fixed<std::int32_t>() * kDay, 0);
    if (type.name != "DateTime64") return supported_ = false, std::string();
    const std::int64_t precision = type.arguments.empty() ? 3 : type.arguments[0].number;
    const auto unit = static_cast<std::int64_t>(std::pow(10, precision));
    const auto ticks = reader_.Fixed<std::int64_t>();
    std::int64_t seconds = ticks / unit;
    if (ticks % unit < 0) --seconds;
    return TimeText(seconds, (ticks - seconds * unit) * (1'000'000'000 / unit));
  }

  // The first eight bytes are the first half of the digits, least significant first.
  std::string ReadUuid() {
    const auto high = reader_.Fixed<std::uint64_t>();
    const auto low = reader_.Fixed<std::uint64_t>();
    return fmt::format("\"{:08x}-{:04x}-{:04x}-{:04x}-{:012x}\"", high >> 32, high >> 16 & 0xFFFF,
                       high & 0xFFFF, low >> 48, low & 0xFFFF'FFFF'FFFF);
  }

  std::string EnumName(const ClickHouseType& type, std::int64_t value) {
    for (const TypeArgument& argument : type.arguments) {
      if (argument.number == value) return JsonString(argument.text);
    }
    return supported_ = false, std::string();
  }

  ByteReader& reader_;
  bool supported_ = true;
  std::vector<std::vector<ClickHouseType>> dynamics_;  // The types of each Dynamic, in order.
  std::size_t next_dynamic_ = 0;
};

}  // namespace

Result<std::vector<NativeColumn>> ReadNativeBlock(std::string_view bytes) {
  const auto bad = [](std::string_view what) {
    return Error{Remedy::kStop, "native", std::string(what)};
  };
  ByteReader reader(bytes);
  std::vector<NativeColumn> columns(reader.Varint());
  const std::uint64_t rows = reader.Varint();
  for (NativeColumn& column : columns) {
    column.name = reader.String();
    column.type = reader.String();
    PENSTOCK_ASSIGN_OR_RETURN(const ClickHouseType type, ParseClickHouseType(column.type));
    ValuesReader values(reader);
    values.ReadPrefix(type);
    column.values = values.Read(type, rows);
    if (!reader.ok()) return bad("column " + column.name + " ends too early");
    if (!values.supported() || column.values.size() != rows) {
      return bad("column " + column.name + " has something unexpected");
    }
  }
  if (reader.left() > 0) return bad(fmt::format("{} bytes are left", reader.left()));
  return columns;
}

}  // namespace penstock::testing
