#include "support/native_reader.h"

#include <cmath>
#include <ctime>

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
    for (const TypeArgument& argument : type.arguments) {
      if (argument.kind == TypeArgument::Kind::kType) ReadPrefix(argument.type.at(0));
    }
  }

  Values Read(const ClickHouseType& type, std::size_t rows) {
    if (type.name == "Nullable") return ReadNullable(Inner(type), rows);
    if (type.name == "LowCardinality") return ReadLowCardinality(Inner(type), rows);
    if (type.name == "Array") return ReadArray(Inner(type), rows);
    if (type.name == "Map") return ReadMap(type, rows);
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
    if (name == "UUID") return ReadUuid();
    if (name == "Enum8") return EnumName(type, reader_.Fixed<std::int8_t>());
    if (name == "Enum16") return EnumName(type, reader_.Fixed<std::int16_t>());
    return ReadTime(type);
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
