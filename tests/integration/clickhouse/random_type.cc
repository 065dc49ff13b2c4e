#include "random_type.h"

#include <ctime>
#include <memory>
#include <set>
#include <utility>

#include "base/format.h"
#include "base/text.h"
#include "model/clickhouse_type.h"

namespace penstock::clickhouse {

namespace {

std::string Quoted(std::string_view text) {
  std::string out;
  AppendJsonString(out, text);
  return out;
}

std::string Formatted(std::int64_t seconds, const char* format) {
  const std::time_t time = seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[40];
  std::strftime(text, sizeof(text), format, &parts);
  return text;
}

// What all types share: values are made by a function that outlives this one.
RandomType Make(std::string text, FieldType field, PhysicalType physical,
                std::function<Sample()> sample) {
  return {std::move(text), field, physical, std::move(sample)};
}

constexpr std::int64_t kFirstSecond = -2'208'988'800;  // 1900.
constexpr std::int64_t kLastSecond = 10'413'791'999;   // 2299.

}  // namespace

RandomType TypeMaker::Type(int depth) {
  const bool deep = depth >= 3;
  switch (Below(deep ? 12 : 22)) {
    case 0:
    case 1:
      return Nullable(Leaf());
    case 2:
    case 3:
      return LowCardinality();
    case 4:
      return Geo();
    case 5:
      return Json();
    case 6:
      return Dynamic();
    case 12:
    case 13:
    case 14:
      return Array(Type(depth + 1));
    case 15:
    case 16:
      return Map(depth);
    case 17:
    case 18:
      return Tuple(depth, true);
    case 19:
      return Tuple(depth, false);
    case 20:
      return Variant(depth);
    case 21:
      return OneIn(2) ? Vector() : Array(Tuple(depth, true));
    default:
      return Leaf();
  }
}

RandomType TypeMaker::Leaf() {
  switch (Below(14)) {
    case 0:
      return Make("Bool", FieldType::kBool, PhysicalType::kBool, [this] {
        const std::string shown = OneIn(2) ? "true" : "false";
        return Sample{shown, shown};
      });
    case 1:
    case 2:
      return Integer();
    case 3:
      return WideInteger();
    case 4:
    case 5:
      return Decimal();
    case 6:
      return Float();
    case 7:
    case 8:
      return Text();
    case 9:
      return Address();
    case 10:
      return Enum();
    case 11:
      return Day();
    case 12:
      return Moment();
    default:
      return Span();
  }
}

RandomType TypeMaker::Integer() {
  const std::size_t bits = std::size_t{8} << Below(4);
  const bool is_signed = OneIn(2);
  const auto value = [this, bits, is_signed] {
    const std::uint64_t any = random_() >> Below(64);
    const std::uint64_t low = bits == 64 ? any : any & ((std::uint64_t{1} << bits) - 1);
    if (!is_signed) return fmt::format("{}", low);
    const std::size_t unused = 64 - bits;
    return fmt::format("{}", static_cast<std::int64_t>(low << unused) >> unused);
  };
  return Make(fmt::format("{}Int{}", is_signed ? "" : "U", bits),
              is_signed ? FieldType::kInt64 : FieldType::kUint64,
              is_signed ? PhysicalType::kInt64 : PhysicalType::kUint64, [value] {
                const std::string text = value();
                return Sample{text, text};
              });
}

std::string TypeMaker::Digits(std::size_t count) {
  std::string digits;
  for (; count > 0; --count) digits.push_back(static_cast<char>('0' + Below(10)));
  return digits;
}

RandomType TypeMaker::WideInteger() {
  const bool is_signed = OneIn(2);
  const bool is_256 = OneIn(2);
  return Make(fmt::format("{}Int{}", is_signed ? "" : "U", is_256 ? 256 : 128), FieldType::kInt64,
              PhysicalType::kJson, [this, is_signed, is_256] {
                std::string text = fmt::format("{}", 1 + Below(9));
                text += Digits(Below(is_256 ? 76 : 38));
                if (is_signed && OneIn(2)) text.insert(0, "-");
                return Sample{OneIn(2) ? text : Quoted(text), text};
              });
}

RandomType TypeMaker::Decimal() {
  const std::size_t precision = 1 + Below(76);
  const std::size_t scale = Below(precision + 1);
  return Make(fmt::format("Decimal({}, {})", precision, scale), FieldType::kInt64,
              PhysicalType::kJson, [this, precision, scale] {
                const std::size_t whole_digits = Below(precision - scale + 1);
                std::string whole = whole_digits == 0 ? "0" : fmt::format("{}", 1 + Below(9));
                if (whole_digits > 1) whole += Digits(whole_digits - 1);
                const std::string fraction = Digits(scale);
                const bool zero = (whole + fraction).find_first_not_of('0') == std::string::npos;
                if (OneIn(2) && !zero) whole.insert(0, "-");
                const std::string shown = scale == 0 ? whole : whole + "." + fraction;
                std::string in = shown;
                // Digits beyond the scale that change nothing.
                if (OneIn(3)) in += (scale == 0 ? ".4" : "4") + Digits(Below(5));
                return Sample{OneIn(2) ? in : Quoted(in), shown};
              });
}

RandomType TypeMaker::Float() {
  const std::size_t which = Below(3);
  return Make(which == 0   ? "Float32"
              : which == 1 ? "Float64"
                           : "BFloat16",
              FieldType::kFloat64, PhysicalType::kFloat64, [this, which] {
                // Such that every one of the types holds it.
                const double value = which == 2 ? static_cast<double>(Below(256)) - 128
                                                : static_cast<double>(Below(200'000)) / 4 - 25'000;
                const std::string text = fmt::format("{}", value);
                return Sample{text, text};
              });
}

std::string TypeMaker::Characters(std::size_t count) {
  constexpr std::string_view kParts[] = {"a", "Z", " ", "\"", "\\", "\n", "é", "日", "😀", "/"};
  std::string text;
  for (; count > 0; --count) text += kParts[Below(10)];
  return text;
}

RandomType TypeMaker::Text() {
  if (OneIn(4)) {
    return Make("FixedString(3)", FieldType::kString, PhysicalType::kString, [this] {
      const std::string text = Quoted(std::string(3, static_cast<char>('a' + Below(20))));
      return Sample{text, text};
    });
  }
  if (OneIn(4)) {
    return Make("UUID", FieldType::kString, PhysicalType::kString, [this] {
      const std::string text =
          fmt::format("\"{:08x}-{:04x}-{:04x}-{:04x}-{:012x}\"", Below(1ULL << 32), Below(65536),
                      Below(65536), Below(65536), Below(1ULL << 48));
      return Sample{text, text};
    });
  }
  return Make("String", FieldType::kString, PhysicalType::kString, [this] {
    const std::string text = Quoted(Characters(Below(OneIn(20) ? 300 : 6)));
    return Sample{text, text};
  });
}

RandomType TypeMaker::Address() {
  const bool is_6 = OneIn(2);
  return Make(is_6 ? "IPv6" : "IPv4", FieldType::kString, PhysicalType::kString, [this, is_6] {
    std::string text = fmt::format("{}.{}.{}.{}", Below(256), Below(256), Below(256), Below(256));
    if (!is_6) return Sample{Quoted(text), Quoted(text)};
    if (OneIn(4)) return Sample{Quoted(text), Quoted("::ffff:" + text)};
    text = "2001";
    for (int i = 0; i < 7; ++i) text += fmt::format(":{:x}", 1 + Below(65535));
    return Sample{Quoted(text), Quoted(text)};
  });
}

RandomType TypeMaker::Enum() {
  if (OneIn(2)) {
    return Make("Enum8('it''s' = -5, 'b' = 2)", FieldType::kString, PhysicalType::kJson, [this] {
      const std::string shown = OneIn(2) ? "\"it's\"" : "\"b\"";
      const std::string number = shown == "\"b\"" ? "2" : "-5";
      return Sample{OneIn(2) ? shown : number, shown};
    });
  }
  return Make("Enum16('x' = 1000, 'y' = -1000)", FieldType::kString, PhysicalType::kString, [this] {
    const std::string shown = OneIn(2) ? "\"x\"" : "\"y\"";
    return Sample{shown, shown};
  });
}

RandomType TypeMaker::Day() {
  const bool is_32 = OneIn(2);
  return Make(is_32 ? "Date32" : "Date", FieldType::kString, PhysicalType::kString, [this, is_32] {
    const std::int64_t first = is_32 ? kFirstSecond : 0;
    const std::int64_t last = is_32 ? kLastSecond : 65'536LL * 86'400 - 1;
    const std::int64_t second =
        first + static_cast<std::int64_t>(Below(static_cast<std::size_t>(last - first)));
    const std::string shown = Quoted(Formatted(second, "%Y-%m-%d"));
    if (OneIn(3)) return Sample{Quoted(Formatted(second, "%Y-%m-%dT%H:%M:%SZ")), shown};
    return Sample{OneIn(2) ? shown : Quoted(Formatted(second, "%d %b %Y")), shown};
  });
}

RandomType TypeMaker::Moment() {
  constexpr std::string_view kZones[] = {"", "'UTC'", "'Europe/Berlin'", "'Asia/Tokyo'"};
  const std::string zone(kZones[Below(4)]);
  const bool is_64 = OneIn(2);
  const std::size_t precision = is_64 ? Below(10) : 0;
  const bool numbers = OneIn(3);
  std::string text = is_64 ? fmt::format("DateTime64({}", precision) : "DateTime";
  if (!zone.empty()) text += (is_64 ? ", " : "(") + zone;
  if (is_64 || !zone.empty()) text += ")";
  return Make(
      text, numbers ? FieldType::kInt64 : FieldType::kString,
      numbers ? PhysicalType::kJson : PhysicalType::kString, [this, is_64, precision, numbers] {
        // The least and the most that nanoseconds have room for lie within, too.
        const std::int64_t first = numbers || !is_64 ? 0 : kFirstSecond;
        const std::int64_t last = !is_64           ? 4'294'967'295
                                  : precision == 9 ? 9'223'372'035
                                                   : kLastSecond;
        const std::int64_t second =
            first + static_cast<std::int64_t>(Below(static_cast<std::size_t>(last - first)));
        const std::string digits = Digits(precision);
        const std::string fraction = digits.empty() ? "" : "." + digits;
        const std::string shown = Quoted(Formatted(second, "%Y-%m-%dT%H:%M:%S") + fraction + "Z");
        if (numbers) return Sample{fmt::format("{}{}", second, fraction), shown};
        if (OneIn(2)) {
          return Sample{Quoted(Formatted(second, "%Y-%m-%d %H:%M:%S") + fraction), shown};
        }
        const std::string east = Formatted(second + 7200, "%Y-%m-%dT%H:%M:%S");
        return Sample{Quoted(east + fraction + "+02:00"), shown};
      });
}

RandomType TypeMaker::Span() {
  const bool is_64 = OneIn(2);
  const std::size_t precision = is_64 ? 1 + Below(9) : 0;
  return Make(is_64 ? fmt::format("Time64({})", precision) : "Time", FieldType::kString,
              PhysicalType::kString, [this, precision] {
                const std::size_t seconds = Below(3'600'000);
                std::string text = fmt::format("{:02}:{:02}:{:02}", seconds / 3600,
                                               seconds / 60 % 60, seconds % 60);
                if (precision > 0) text += "." + Digits(precision);
                const bool zero = text.find_first_not_of("0:.") == std::string::npos;
                if (OneIn(2) && !zero) text.insert(0, "-");
                return Sample{Quoted(text), Quoted(text)};
              });
}

RandomType TypeMaker::Nullable(RandomType inner) {
  RandomType type = inner;
  type.text = fmt::format("Nullable({})", inner.text);
  type.sample = [this, value = inner.sample] {
    return OneIn(3) ? Sample{"null", "null"} : value();
  };
  return type;
}

RandomType TypeMaker::LowCardinality() {
  RandomType inner = OneIn(2) ? Text() : OneIn(2) ? Integer() : OneIn(2) ? Address() : Day();
  if (inner.text == "Date32") inner = Integer();
  if (OneIn(2)) inner = Nullable(std::move(inner));
  inner.text = fmt::format("LowCardinality({})", inner.text);
  return inner;
}

RandomType TypeMaker::Array(RandomType inner) {
  return Make(fmt::format("Array({})", inner.text), FieldType::kArray, PhysicalType::kJson,
              [this, value = inner.sample] {
                Sample array{"[" + Blank(), "["};
                for (std::size_t i = Below(4); i > 0; --i) {
                  const Sample element = value();
                  array.in += element.in + Blank() + (i > 1 ? "," + Blank() : "");
                  array.shown += element.shown + (i > 1 ? "," : "");
                }
                return Sample{array.in + "]", array.shown + "]"};
              });
}

RandomType TypeMaker::Key() {
  switch (Below(6)) {
    case 0:
      return Integer();
    case 1:
      return Address();
    case 2:
      return Day();
    case 3:
      return WideInteger();
    default: {
      RandomType text = Text();
      if (OneIn(2)) text.text = fmt::format("LowCardinality({})", text.text);
      return text;
    }
  }
}

RandomType TypeMaker::Map(int depth) {
  const RandomType keys = Key();
  const RandomType values = Type(depth + 1);
  return Make(fmt::format("Map({}, {})", keys.text, values.text), FieldType::kMap,
              PhysicalType::kJson, [this, key = keys.sample, value = values.sample] {
                const auto as_text = [](std::string text) {
                  return text.front() == '"' ? text : "\"" + text + "\"";
                };
                Sample map{"{" + Blank(), "{"};
                std::set<std::string> known;
                for (std::size_t i = Below(4); i > 0; --i) {
                  const Sample name = key();
                  if (!known.insert(as_text(name.shown)).second) continue;
                  const Sample member = value();
                  const std::string comma = known.size() > 1 ? "," : "";
                  map.in += comma + as_text(name.in) + Blank() + ":" + Blank() + member.in;
                  map.shown += comma + as_text(name.shown) + ":" + member.shown;
                }
                return Sample{map.in + Blank() + "}", map.shown + "}"};
              });
}

// Named ones come as objects in any order, or as arrays.
RandomType TypeMaker::Tuple(int depth, bool named) {
  std::vector<RandomType> elements;
  std::vector<std::string> names;
  std::string text;
  for (std::size_t i = 1 + Below(3); i > 0; --i) {
    elements.push_back(Type(depth + 1));
    names.push_back(OneIn(3) ? fmt::format("a name {}", i) : fmt::format("e{}", i));
    if (!text.empty()) text += ", ";
    if (named) text += QuoteIdentifier(names.back()) + " ";
    text += elements.back().text;
  }
  return Make(fmt::format("Tuple({})", text), named ? FieldType::kMap : FieldType::kArray,
              PhysicalType::kJson, [this, elements, names, named] {
                const bool as_object = named && !OneIn(4);
                std::vector<std::string> in;
                std::string shown;
                for (std::size_t i = 0; i < elements.size(); ++i) {
                  const Sample value = elements[i].sample();
                  const std::string name = Quoted(names[i]) + ":";
                  in.push_back((as_object ? name : "") + value.in);
                  shown += (i > 0 ? "," : "") + (named ? name : "") + value.shown;
                }
                if (as_object) std::swap(in.front(), in[Below(in.size())]);
                std::string joined;
                for (const std::string& one : in) joined += (joined.empty() ? "" : ",") + one;
                return Sample{as_object ? "{" + joined + "}" : "[" + joined + "]",
                              named ? "{" + shown + "}" : "[" + shown + "]"};
              });
}

RandomType TypeMaker::Geo() {
  RandomType point = Make("Point", FieldType::kArray, PhysicalType::kJson, [this] {
    const std::string text = fmt::format("[{},{}]", static_cast<double>(Below(1000)) / 4 - 90,
                                         static_cast<double>(Below(1000)) / 2 - 180);
    return Sample{text, text};
  });
  const auto named = [&](std::string name, int depth) {
    RandomType type = point;
    for (; depth > 0; --depth) type = Array(std::move(type));
    type.text = std::move(name);
    return type;
  };
  switch (Below(6)) {
    case 0:
      return point;
    case 1:
      return named("Ring", 1);
    case 2:
      return named("LineString", 1);
    case 3:
      return named("Polygon", 2);
    case 4:
      return named("MultiLineString", 2);
    default:
      return named("MultiPolygon", 3);
  }
}

RandomType TypeMaker::Vector() {
  const std::size_t length = 1 + Below(20);
  return Make(fmt::format("QBit(Float{}, {})", OneIn(2) ? 32 : 64, length), FieldType::kArray,
              PhysicalType::kJson, [this, length] {
                std::string text = "[";
                for (std::size_t i = 0; i < length; ++i) {
                  text += fmt::format("{}{}", i > 0 ? "," : "",
                                      static_cast<double>(Below(1000)) / 8 - 60);
                }
                return Sample{text + "]", text + "]"};
              });
}

// Alternatives of different kinds, so that a value shows the same whichever it became.
RandomType TypeMaker::Variant(int depth) {
  std::vector<RandomType> all = {Integer(), Text(), Array(Type(depth + 1))};
  all.push_back(Map(depth + 1));
  std::vector<RandomType> some;
  for (RandomType& one : all) {
    // ClickHouse has no Nullable inside of a Variant, only deeper.
    if (OneIn(2)) some.push_back(std::move(one));
  }
  if (some.empty()) some.push_back(std::move(all.front()));
  std::string text;
  for (const RandomType& one : some) text += (text.empty() ? "" : ", ") + one.text;
  return Make(fmt::format("Variant({})", text), FieldType::kMap, PhysicalType::kJson, [this, some] {
    return OneIn(5) ? Sample{"null", "null"} : some[Below(some.size())].sample();
  });
}

// JSON keeps neither null members nor empty objects, and makes the elements of an array one type:
// in there all are of one kind.
std::string TypeMaker::AnyValue(int depth, bool in_json) {
  const bool deep = depth >= 3;
  return ValueOf(Below(deep ? 4 : 6), depth, in_json);
}

std::string TypeMaker::ValueOf(std::size_t kind, int depth, bool in_json) {
  std::string text;
  switch (kind) {
    case 0:
      return OneIn(2) ? "true" : "false";
    case 1:
      // JSON may take an integer for a float where an earlier row had floats in its place.
      return fmt::format("{}",
                         static_cast<std::int64_t>(random_() >> Below(64)) >> (in_json ? 12 : 0));
    case 2:
      return fmt::format("{}.5", Below(100'000));
    case 3:
      return Quoted("s" + Characters(Below(5)));
    case 4:
      for (std::size_t i = 1 + Below(3); i > 0; --i) {
        text += fmt::format("\"k{}\":{}{}", i, AnyValue(depth + 1, true), i > 1 ? "," : "");
      }
      return "{" + text + "}";
    default: {
      const std::size_t one_kind = Below(5);
      for (std::size_t i = Below(4); i > 0; --i) {
        const bool null = !in_json && OneIn(6);
        const std::string element =
            in_json ? ValueOf(one_kind, depth + 1, true) : AnyValue(depth + 1, false);
        text += (null ? "null" : element) + (i > 1 ? "," : "");
      }
      return "[" + text + "]";
    }
  }
}

RandomType TypeMaker::Json() {
  return Make("JSON", FieldType::kMap, PhysicalType::kJson, [this] {
    std::string text = "{";
    for (std::size_t i = Below(4); i > 0; --i) {
      text += fmt::format("\"m{}\":{}{}", i, AnyValue(1, true), i > 1 ? "," : "");
    }
    return Sample{text + "}", text + "}"};
  });
}

RandomType TypeMaker::Dynamic() {
  return Make("Dynamic", FieldType::kMap, PhysicalType::kJson, [this] {
    const std::string text = OneIn(6) ? "null" : AnyValue(0, false);
    return Sample{text, text};
  });
}

}  // namespace penstock::clickhouse
