// Each family of types that block_rows_test.cc does not have: what goes in, and what is refused.
#include <algorithm>
#include <limits>
#include <random>

#include "block_fixture.h"

namespace penstock::clickhouse {
namespace {

struct Case {
  std::string type;
  Cell cell;
  std::string value;  // As JSON; empty: refused.
};

void ExpectEach(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    const Converted converted = Convert(one.type, {one.cell});
    const std::string shown = one.type + " " + std::string(one.cell.text);
    if (one.value.empty()) {
      ASSERT_EQ(converted.bad.size(), 1U) << shown << " " << converted.values.size();
      EXPECT_TRUE(converted.bad[0].message.starts_with("column `v`, ")) << shown;
      EXPECT_TRUE(converted.values.empty()) << shown;
    } else {
      ASSERT_TRUE(converted.bad.empty()) << shown << ": " << converted.bad[0].message;
      EXPECT_EQ(converted.values, std::vector<std::string>{one.value}) << shown;
    }
  }
}

TEST(AllTypesTest, WideIntegersKeepEveryDigitOrRefuse) {
  const std::string max128 = "170141183460469231731687303715884105727";
  const std::string min128 = "-170141183460469231731687303715884105728";
  const std::string max256 =
      "115792089237316195423570985008687907853269984665640564039457584007913129639935";
  const std::string min256 =
      "-57896044618658097711785492504343953926634992332820282019728792003956564819968";
  ExpectEach({
      {"Int128", Cell::Json(max128), max128},
      {"Int128", Cell::String(min128), min128},
      {"Int128", Cell::Json("170141183460469231731687303715884105728"), ""},
      {"Int128", Cell::String("-170141183460469231731687303715884105729"), ""},
      {"Int128", Cell::Int64(-1), "-1"},
      {"Int128", Cell::Uint64(18446744073709551615U), "18446744073709551615"},
      {"Int128", Cell::Json("1e30"), "1000000000000000000000000000000"},
      {"Int128", Cell::Json("12.5"), ""},
      {"Int128", Cell::Json("12.0"), "12"},
      {"Int128", Cell::String("twelve"), ""},
      {"Int128", Cell::String(""), ""},
      {"UInt128", Cell::Int64(-1), ""},
      {"UInt128", Cell::Json("-0"), "0"},
      {"UInt256", Cell::String(max256), max256},
      {"UInt256", Cell::Json("1" + std::string(78, '0')), ""},
      {"UInt256", Cell::String(max256 + "0"), ""},
      {"Int256", Cell::Json(min256), min256},
      {"Int256", Cell::Json(max256), ""},
      {"Nullable(Int256)", Cell::Missing(Presence::kNull), "null"},
      {"LowCardinality(UInt128)", Cell::Uint64(7), "7"},
      {"Array(UInt256)", Cell::Json("[\"" + max256 + "\", 5]"), "[" + max256 + ",5]"},
  });
}

TEST(AllTypesTest, DecimalsAreExactAndRoundHalfAwayFromZero) {
  ExpectEach({
      {"Decimal(9, 2)", Cell::Json("1.005"), "1.01"},
      {"Decimal(9, 2)", Cell::Json("-1.005"), "-1.01"},
      {"Decimal(9, 2)", Cell::Json("1.00499999999999999999999"), "1.00"},
      {"Decimal(9, 2)", Cell::String("0.1"), "0.10"},
      {"Decimal(9, 2)", Cell::Json("9999999.99"), "9999999.99"},
      {"Decimal(9, 2)", Cell::Json("9999999.995"), ""},
      {"Decimal(9, 2)", Cell::Json("10000000"), ""},
      {"Decimal(9, 2)", Cell::Int64(-5), "-5.00"},
      {"Decimal(9, 2)", Cell::Uint64(10000000), ""},
      {"Decimal(9, 2)", Cell::Json("1e3"), "1000.00"},
      {"Decimal(9, 2)", Cell::Json("5e-3"), "0.01"},
      {"Decimal(9, 2)", Cell::Json("4e-3"), "0.00"},
      {"Decimal(9, 2)", Cell::Json("1e-1000000"), "0.00"},
      {"Decimal(9, 2)", Cell::Json("1e1000000"), ""},
      {"Decimal(9, 2)", Cell::String("abc"), ""},
      {"Decimal(9, 2)", Cell::Float64(0.1), "0.10"},
      {"Decimal(9, 2)", Cell::Float64(std::numeric_limits<double>::quiet_NaN()), ""},
      {"Decimal(9, 2)", Cell::Float64(std::numeric_limits<double>::infinity()), ""},
      {"Decimal(9, 2)", Cell::String("NaN"), ""},
      {"Decimal(1, 0)", Cell::Json("0.5"), "1"},
      {"Decimal(18, 18)", Cell::Json("-0.123456789012345678"), "-0.123456789012345678"},
      {"Decimal(38, 10)", Cell::Json("1234567890123456789012345678.0123456789"),
       "1234567890123456789012345678.0123456789"},
      {"Decimal(76, 38)",
       Cell::String(
           "-12345678901234567890123456789012345678.12345678901234567890123456789012345678"),
       "-12345678901234567890123456789012345678.12345678901234567890123456789012345678"},
      {"Decimal(76, 0)", Cell::Json(std::string(76, '9')), std::string(76, '9')},
      {"Decimal(76, 0)", Cell::Json("1" + std::string(76, '0')), ""},
      {"Nullable(Decimal(5, 1))", Cell::Json("2.25"), "2.3"},
  });
}

// The same digits by schoolbook arithmetic on text.
TEST(AllTypesTest, DecimalsFollowTheSchoolbook) {
  for (unsigned seed = 0; seed < 2000; ++seed) {
    std::mt19937 random(seed);
    const std::size_t scale = random() % 12;
    std::string digits = std::to_string(1 + random() % 9);
    for (std::size_t i = random() % 20; i > 0; --i) {
      digits.push_back(static_cast<char>('0' + random() % 10));
    }
    std::string fraction;
    for (std::size_t i = random() % 16; i > 0; --i) {
      fraction.push_back(static_cast<char>('0' + random() % 10));
    }
    const std::string text = fraction.empty() ? digits : digits + "." + fraction;
    fraction.resize(std::max(fraction.size(), scale + 1), '0');
    std::string wanted = digits + fraction.substr(0, scale);
    if (fraction[scale] >= '5') {
      std::size_t i = wanted.size();
      while (i > 0 && wanted[i - 1] == '9') wanted[--i] = '0';
      if (i > 0) {
        ++wanted[i - 1];
      } else {
        wanted.insert(0, "1");
      }
    }
    if (scale > 0) wanted.insert(wanted.size() - scale, ".");
    const std::string type = fmt::format("Decimal(38, {})", scale);
    const Converted converted = Convert(type, {Cell::Json(text)});
    ASSERT_EQ(converted.values, std::vector<std::string>{wanted}) << "seed=" << seed << " " << text;
  }
}

TEST(AllTypesTest, FloatsOfSixteenBitsRoundToTheNearest) {
  ExpectEach({
      {"BFloat16", Cell::Float64(1.5), "1.5"},
      {"BFloat16", Cell::Float64(1.00390625), "1"},
      {"BFloat16", Cell::Float64(1.01171875), "1.015625"},
      {"BFloat16", Cell::Float64(-257), "-256"},
      {"BFloat16", Cell::Int64(3), "3"},
      {"BFloat16", Cell::Float64(3.4e38), ""},
      {"BFloat16", Cell::Float64(1e39), ""},
      {"Array(BFloat16)", Cell::Json("[1, 0.5]"), "[1,0.5]"},
      {"Array(BFloat16)", Cell::Json("[\"1\"]"), ""},
  });
}

TEST(AllTypesTest, AddressesHaveOneForm) {
  ExpectEach({
      {"IPv4", Cell::String("1.2.3.255"), "\"1.2.3.255\""},
      {"IPv4", Cell::String("1.2.3"), ""},
      {"IPv4", Cell::String("1.2.3.256"), ""},
      {"IPv4", Cell::String("1.2.3.04"), ""},
      {"IPv4", Cell::String("1.2.3.4 "), ""},
      {"IPv4", Cell::String(""), ""},
      {"IPv4", Cell::String("::1"), ""},
      {"IPv6", Cell::String("2001:db8::1"), "\"2001:db8:0:0:0:0:0:1\""},
      {"IPv6", Cell::String("1.2.3.4"), "\"0:0:0:0:0:ffff:102:304\""},
      {"IPv6", Cell::String("::ffff:1.2.3.4"), "\"0:0:0:0:0:ffff:102:304\""},
      {"IPv6", Cell::String("2001:db8:::1"), ""},
      {"IPv6", Cell::String(std::string("::1\0x", 5)), ""},
      {"IPv6", Cell::String(std::string(60, ':')), ""},
      {"Array(IPv4)", Cell::Json("[\"10.0.0.1\"]"), "[\"10.0.0.1\"]"},
      {"Array(IPv4)", Cell::Json("[1]"), ""},
      {"Map(IPv4, UInt8)", Cell::Json("{\"10.0.0.1\":1}"), "{\"10.0.0.1\":1}"},
  });
}

TEST(AllTypesTest, TimesOfDayAreSpans) {
  ExpectEach({
      {"Time", Cell::String("23:59:59"), "\"23:59:59\""},
      {"Time", Cell::String("-999:59:59.9"), "\"-999:59:59\""},
      {"Time", Cell::String("1000:00:00"), ""},
      {"Time", Cell::String("10:60:00"), ""},
      {"Time", Cell::String("10:00"), ""},
      {"Time", Cell::Int64(-3661), "\"-1:01:01\""},
      {"Time", Cell::Int64(3600000), ""},
      {"Time64(3)", Cell::String("-0:00:01.5"), "\"-0:00:01.500\""},
      {"Time64(9)", Cell::String("999:59:59.999999999"), "\"999:59:59.999999999\""},
      {"Time64(6)", Cell::Float64(1.25), "\"0:00:01.250000\""},
      {"Time64(6)", Cell::Float64(-1.25), "\"-0:00:01.250000\""},
      {"Array(Time64(3))", Cell::Json("[0.5,\"1:00:00\"]"), "[\"0:00:00.500\",\"1:00:00.000\"]"},
      {"IntervalDay", Cell::Int64(-5), "-5"},
      {"IntervalSecond", Cell::Uint64(18446744073709551615U), ""},
  });
}

TEST(AllTypesTest, TimesBeforeTheTypeAndBehindItAreRefused) {
  ExpectEach({
      {"Date", Cell::String("1969-12-31"), ""},
      {"Date32", Cell::String("1899-12-31"), ""},
      {"Date32", Cell::String("2299-12-31"), "\"2299-12-31T00:00:00Z\""},
      {"Date32", Cell::String("2300-01-01"), ""},
      {"DateTime('Europe/Berlin')", Cell::String("2024-03-15T10:22:31+02:00"),
       "\"2024-03-15T08:22:31Z\""},
      {"DateTime64(9, 'Asia/Tokyo')", Cell::Int64(1710498151123456789),
       "\"2024-03-15T10:22:31.123456789Z\""},
      {"DateTime64(6)", Cell::Int64(1710498151123456), "\"2024-03-15T10:22:31.123456Z\""},
      {"DateTime64(3)", Cell::String("1969-12-31T23:59:59.5Z"), "\"1969-12-31T23:59:59.5Z\""},
      {"DateTime64(3)", Cell::Float64(1e19), ""},
  });
}

TEST(AllTypesTest, TuplesTakeObjectsByNameAndArraysByPlace) {
  ExpectEach({
      {"Tuple(a Int8, b String)", Cell::Json(R"({"b":"x","a":1})"), R"({"a":1,"b":"x"})"},
      {"Tuple(a Int8, b String)", Cell::Json(R"({"a":1,"b":"x","a":2,"more":[{}]})"),
       R"({"a":1,"b":"x"})"},
      {"Tuple(a Int8, b String)", Cell::Json(R"([1,"x"])"), R"({"a":1,"b":"x"})"},
      {"Tuple(a Int8, b String)", Cell::Json(R"([1])"), ""},
      {"Tuple(a Int8, b String)", Cell::Json(R"([1,"x",2])"), ""},
      {"Tuple(a Int8, b String)", Cell::Json(R"({"a":1})"), ""},
      {"Tuple(a Int8, b Nullable(String))", Cell::Json(R"({"a":1})"), R"({"a":1,"b":null})"},
      {"Tuple(a Int8, b String)", Cell::Json(R"({"a":300,"b":""})"), ""},
      {"Tuple(a Int8, b String)", Cell::Json(R"({"a":1,"b":"x")"), ""},
      {"Tuple(Int8, String)", Cell::Json(R"([1,"x"])"), R"([1,"x"])"},
      {"Tuple(Int8, String)", Cell::Json(R"({"1":1,"2":"x"})"), ""},
      {"Tuple()", Cell::Json("[]"), "[]"},
      {"Tuple()", Cell::Json("[1]"), ""},
      {"Tuple(`a b` Tuple(c Array(Int8)))", Cell::Json(R"({"a b":{"c":[1,2]}})"),
       R"({"a b":{"c":[1,2]}})"},
      {"Array(Tuple(a LowCardinality(String)))", Cell::Json(R"([{"a":"x"},{"a":"x"}])"),
       R"([{"a":"x"},{"a":"x"}])"},
      {"Nested(a Int8, b Array(String))", Cell::Json(R"([{"a":1,"b":["x"]},{"b":[],"a":2}])"),
       R"([{"a":1,"b":["x"]},{"a":2,"b":[]}])"},
      {"Nested(a Int8)", Cell::Json(R"([{"a":null}])"), ""},
      {"Point", Cell::Json("[1.5, -2]"), "[1.5,-2]"},
      {"Point", Cell::Json("[1]"), ""},
      {"Ring", Cell::Json("[[0,0],[1,1]]"), "[[0,0],[1,1]]"},
      {"LineString", Cell::Json("[[0,0]]"), "[[0,0]]"},
      {"Polygon", Cell::Json("[[[0,0]],[[1,1]]]"), "[[[0,0]],[[1,1]]]"},
      {"MultiLineString", Cell::Json("[[[0,0]]]"), "[[[0,0]]]"},
      {"MultiPolygon", Cell::Json("[[[[0,0]]]]"), "[[[[0,0]]]]"},
      {"MultiPolygon", Cell::Json("[[[0,0]]]"), ""},
  });
}

TEST(AllTypesTest, MapsTakeAnyKeyAndValue) {
  ExpectEach({
      {"Map(Int128, String)", Cell::Json(R"({"-5":"x"})"), R"({"-5":"x"})"},
      {"Map(Bool, Int8)", Cell::Json(R"({"true":1,"0":2})"), R"({"true":1,"false":2})"},
      {"Map(Decimal(9, 1), Int8)", Cell::Json(R"({"1.25":1})"), R"({"1.3":1})"},
      {"Map(Float64, Int8)", Cell::Json(R"({"1.5":1})"), R"({"1.5":1})"},
      {"Map(Float64, Int8)", Cell::Json(R"({"x":1})"), ""},
      {"Map(Date, Tuple(a Int8))", Cell::Json(R"({"2024-03-15":{"a":1}})"),
       R"({"2024-03-15T00:00:00Z":{"a":1}})"},
      {"Map(String, Map(String, Array(Nullable(Int8))))", Cell::Json(R"({"a":{"b":[null,1]}})"),
       R"({"a":{"b":[null,1]}})"},
  });
}

TEST(AllTypesTest, DocumentsGoAsTheirText) {
  ExpectEach({
      {"JSON", Cell::Json(R"({"a":{"b":[1,"x"]}})"), R"({"a":{"b":[1,"x"]}})"},
      {"JSON(a UInt32, SKIP b)", Cell::Json("{}"), "{}"},
      {"JSON", Cell::String(R"({"a":1})"), R"({"a":1})"},
      {"JSON", Cell::String(R"({"a":1} x)"), ""},
      {"JSON", Cell::String(R"({"a":1)"), ""},
      {"JSON", Cell::String("5"), ""},
      {"Nullable(JSON)", Cell::Missing(Presence::kNull), "null"},
      {"Array(JSON)", Cell::Json(R"([{"a":1},{}])"), R"([{"a":1},{}])"},
      {"Array(JSON)", Cell::Json("[1]"), ""},
      {"Map(String, JSON)", Cell::Json(R"({"k":{"a":1}})"), R"({"k":{"a":1}})"},
  });
}

TEST(AllTypesTest, AVariantTakesTheClosestType) {
  const std::string many =
      "Variant(Array(Int64), Bool, Date, Float64, Int8, Map(String, Int8), String, UInt64, UUID)";
  ExpectEach({
      {many, Cell::Json("5"), "5"},
      {many, Cell::Json("500"), "500"},
      {many, Cell::Json("-500"), "-500"},
      {many, Cell::Json("1.5"), "1.5"},
      {many, Cell::Json("true"), "true"},
      {many, Cell::Json("\"abc\""), "\"abc\""},
      {many, Cell::Json("\"2024-03-15\""), "\"2024-03-15T00:00:00Z\""},
      {many, Cell::Json("\"5f1d7c1e-9a63-4f6e-8d13-0242ac120002\""),
       "\"5f1d7c1e-9a63-4f6e-8d13-0242ac120002\""},
      {many, Cell::Json("[1,2]"), "[1,2]"},
      {many, Cell::Json(R"({"a":1})"), R"({"a":1})"},
      {many, Cell::Json(R"([1.5])"), "\"[1.5]\""},
      {many, Cell::String("12"), "\"12\""},
      {many, Cell::Float64(2), "2"},
      {many, Cell::Missing(Presence::kAbsent), "null"},
      {"Variant(Int8, Int16)", Cell::Json("128"), "128"},
      {"Variant(Int8, Int16)", Cell::Json("40000"), ""},
      {"Variant(Int8, Int16)", Cell::Json("\"x\""), ""},
      {"Variant(Int8)", Cell::Json("300"), ""},
      {"Array(Variant(Int64, String))", Cell::Json(R"([1,null,"a"])"), R"([1,null,"a"])"},
      {"Variant(JSON, LowCardinality(String))", Cell::Json(R"({"a":1})"), R"({"a":1})"},
      {"Map(Variant(Int8, String), Int8)", Cell::Json(R"({"5":1})"), R"({"5":1})"},
  });
}

TEST(AllTypesTest, ADynamicTakesEverything) {
  ExpectEach({
      {"Dynamic", Cell::Json("9007199254740993"), "9007199254740993"},
      {"Dynamic", Cell::Json("18446744073709551615"), "18446744073709551615"},
      {"Dynamic", Cell::Json("1.5"), "1.5"},
      {"Dynamic", Cell::Bool(true), "true"},
      {"Dynamic", Cell::Int64(-1), "-1"},
      {"Dynamic", Cell::String("a\"b"), R"("a\"b")"},
      {"Dynamic", Cell::Float64(std::numeric_limits<double>::quiet_NaN()), ""},
      {"Dynamic", Cell::Json(R"({"a":[1]})"), R"({"a":[1]})"},
      {"Dynamic", Cell::Json("[]"), "[]"},
      {"Dynamic", Cell::Json("[1,null,3]"), "[1,null,3]"},
      {"Dynamic", Cell::Json(R"([1,"a",[true,[null]],{"b":1},2.5])"),
       R"([1,"a",[true,[null]],{"b":1},2.5])"},
      {"Array(Dynamic)", Cell::Json(R"([1,null,[2,"x"]])"), R"([1,null,[2,"x"]])"},
      {"Dynamic(max_types=3)", Cell::Missing(Presence::kNull), "null"},
      {"Dynamic", Cell::Json(std::string(20, '[') + "1,\"x\"" + std::string(20, ']')),
       std::string(20, '[') + "1,\"x\"" + std::string(20, ']')},
      // A stack has an end.
      {"Dynamic", Cell::Json(std::string(100'000, '[') + std::string(100'000, ']')), ""},
  });
}

TEST(AllTypesTest, RowsOfManyTypesStayInOrder) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    std::vector<Cell> cells;
    std::vector<std::string> wanted;
    static const std::vector<std::string> kValues = {
        "1",         "2.5", "\"a\"",     "true",         "[1,2]",
        "[1,\"b\"]", "[]",  "{\"c\":1}", "[null,\"d\"]", "[[1],[2]]"};
    for (std::size_t i = random() % 30; i > 0; --i) {
      wanted.push_back(kValues[random() % kValues.size()]);
    }
    for (const std::string& value : wanted) cells.push_back(Cell::Json(value));
    if (cells.empty()) continue;
    for (const std::string type :
         {"Dynamic", "Variant(Array(Dynamic), Bool, Float64, Int8, JSON, String)"}) {
      ASSERT_EQ(Convert(type, cells).values, wanted) << "seed=" << seed << " " << type;
    }
  }
}

// Strings of maps and arrays take a short way when they are plain: whatever blanks, escapes and
// repeats there are among them, it gives the same.
TEST(AllTypesTest, TheShortWayForStringsGivesTheSame) {
  for (unsigned seed = 0; seed < 1000; ++seed) {
    std::mt19937 random(seed);
    const auto blank = [&] { return std::string(random() % 8 == 0 ? 1 + random() % 3 : 0, ' '); };
    // As it goes in, and as it is shown.
    const auto text = [&](std::size_t most) {
      std::pair<std::string, std::string> both{"\"", "\""};
      for (std::size_t i = random() % most; i > 0; --i) {
        const std::size_t kind = random() % 12;
        both.first += kind == 0 ? "\\u0041" : kind == 1 ? "\\\"" : kind == 2 ? "é" : "x";
        both.second += kind == 0 ? "A" : kind == 1 ? "\\\"" : kind == 2 ? "é" : "x";
      }
      return std::pair{both.first + "\"", both.second + "\""};
    };
    std::string map = "{" + blank();
    std::string array = "[" + blank();
    std::string shown_map = "{";
    std::string shown_array = "[";
    std::vector<std::string> keys;
    for (std::size_t left = random() % 30; left > 0; --left) {
      const auto key = text(random() % 10 == 0 ? 50 : 4);
      const auto value = text(random() % 10 == 0 ? 300 : 20);
      map += key.first + blank() + ":" + blank() + value.first + blank() + (left > 1 ? "," : "");
      array += value.first + blank() + (left > 1 ? "," : "") + blank();
      shown_array += (shown_array.size() > 1 ? "," : "") + value.second;
      if (std::ranges::find(keys, key.second) != keys.end()) continue;
      keys.push_back(key.second);
      shown_map += (shown_map.size() > 1 ? "," : "") + key.second + ":" + value.second;
    }
    map += "}";
    array += "]";
    for (const std::string type : {"Map(String, String)", "Map(LowCardinality(String), String)"}) {
      ASSERT_EQ(Convert(type, {Cell::Json(map)}).values, std::vector{shown_map + "}"})
          << "seed=" << seed << " " << map;
    }
    for (const std::string type : {"Array(String)", "Array(LowCardinality(String))"}) {
      ASSERT_EQ(Convert(type, {Cell::Json(array)}).values, std::vector{shown_array + "]"})
          << "seed=" << seed << " " << array;
    }
  }
}

// Bytes that are no JSON (a fault elsewhere) must not do more than become dead letters: no crash,
// and the next rows are as they should be.
TEST(AllTypesTest, BrokenTextIsABadRow) {
  const std::vector<std::pair<std::string, std::string>> good = {
      {"Array(String)", R"(["a","b\n","",null])"},
      {"Array(LowCardinality(Nullable(String)))", R"(["a",null,"c"])"},
      {"Map(String, String)", R"({"a":"b","":"c","d\u0041":[1,{"x":2}]})"},
      {"Map(LowCardinality(String), Array(Decimal(9, 2)))", R"({"a":[1.5,"2"],"b":[]})"},
      {"Tuple(a Int8, b Array(Tuple(c UUID)))", R"({"a":1,"b":[{"c":"x"}],"x":{}})"},
      {"Variant(Array(Int8), JSON, Map(String, Int8), String)", R"([1,{"a":["b"]}])"},
      {"Dynamic", R"([1,"a",[true,{"b":null}],2.5e3])"},
      {"JSON", R"({"a":{"b":[1,"\"x"]}})"},
      {"Geometry", R"({"type":"Ring","coordinates":[[1,2],[3,4]]})"},
      {"QBit(Float32, 3)", "[1,2.5,-3]"},
  };
  for (const auto& [type, json] : good) {
    for (unsigned seed = 0; seed < 500; ++seed) {
      std::mt19937 random(seed);
      std::string text = json.substr(0, random() % (json.size() + 1));
      for (std::size_t i = random() % 3; i > 0 && !text.empty(); --i) {
        text[random() % text.size()] = "[]{}\",:\\0-n"[random() % 11];
      }
      // In memory of its own, so that a sanitizer sees a byte too far.
      const FieldType field = type.starts_with("Array") || type.starts_with("QBit")
                                  ? FieldType::kArray
                                  : FieldType::kMap;
      Column column("v", PhysicalType::kJson);
      column.Append(Cell::Json(text));
      BlockBuilder builder(PlanOfOne(type, field));
      const std::vector<ColumnView> views = {column.View()};
      const auto bad = builder.Append({.columns = views, .begin = 0, .end = 1});
      ASSERT_TRUE(bad.ok()) << type << " " << text;
      ASSERT_EQ(builder.rows(), bad.value().empty() ? 1U : 0U) << type << " " << text;
    }
  }
}

TEST(AllTypesTest, AggregatesOfValuesAreTheirInnerType) {
  ExpectEach({
      {"SimpleAggregateFunction(sum, Int64)", Cell::Int64(5), "5"},
      {"SimpleAggregateFunction(anyLast, Nullable(String))", Cell::Missing(Presence::kNull),
       "null"},
      {"SimpleAggregateFunction(groupArrayArray, Array(Int8))", Cell::Json("[1]"), "[1]"},
  });
}

TEST(AllTypesTest, StringsKeepBytesThatAreNoUtf8) {
  const std::string bytes = "a\xFF\xC3";
  const Column column = ColumnOf("v", {Cell::String(bytes)});
  BlockBuilder builder(PlanOfOne("String", FieldType::kString));
  const std::vector<ColumnView> views = {column.View()};
  const auto bad = builder.Append({.columns = views, .begin = 0, .end = 1});
  ASSERT_TRUE(bad.ok() && bad.value().empty());
  EXPECT_TRUE(builder.Finish(BodyCodec::kNone).body.ends_with(std::string("\x03") + bytes));
}

TEST(AllTypesTest, ANestedTakenApartIsFilledFromObjects) {
  const TableDescription table = TableOf({{"n.a", "Array(Int8)"},
                                          {"n.b", "Array(Nullable(String))"},
                                          {"n.c", "Array(String)"},
                                          {"m.a", "Array(Int8)"}});
  TableDescription computed = table;
  computed.columns[2].default_kind = DefaultKind::kAlias;
  const auto plan = PlanOf(
      computed, {{"items", FieldType::kArray, "n", ""}, {"numbers", FieldType::kArray, "m.a", ""}});
  ASSERT_NE(plan, nullptr);
  EXPECT_EQ(plan->ColumnNames(), (std::vector<std::string>{"n.a", "n.b", "m.a"}));
  Column items("items", PhysicalType::kJson);
  items.Append(Cell::Json(R"([{"a":1,"b":"x"},{"x":[{"a":5}],"a":2}])"));
  items.Append(Cell::Json("[]"));
  items.Append(Cell::Json(R"([{"b":"no a"}])"));
  Column numbers("numbers", PhysicalType::kJson);
  for (int i = 0; i < 3; ++i) numbers.Append(Cell::Json("[7]"));
  BlockBuilder builder(plan);
  const std::vector<ColumnView> views = {items.View(), numbers.View()};
  const auto bad = builder.Append({.columns = views, .begin = 0, .end = 3});
  ASSERT_TRUE(bad.ok());
  ASSERT_EQ(bad.value().size(), 1U);
  EXPECT_EQ(bad.value()[0].row, 2U);
  EXPECT_EQ(bad.value()[0].message,
            "column `n.a`, Int8: null or missing, and the column is not Nullable; make it so, give "
            "the field a default, or set sink.null_as_default");
  const auto block = testing::ReadNativeBlock(builder.Finish(BodyCodec::kNone).body);
  ASSERT_TRUE(block.ok()) << block.error().detail;
  EXPECT_EQ(block.value()[0].values, (std::vector<std::string>{"[1,2]", "[]"}));
  EXPECT_EQ(block.value()[1].values, (std::vector<std::string>{"[\"x\",null]", "[]"}));
  EXPECT_EQ(block.value()[2].values, (std::vector<std::string>{"[7]", "[7]"}));
}

// With null_as_default a scalar's null goes to the server, which knows the column's DEFAULT;
// everything else gets its type's default.
TEST(AllTypesTest, NullMayBecomeTheDefault) {
  struct Null {
    std::string type;
    FieldType field;
    Cell cell;
    std::string written;  // The type in the block.
    std::string value;
  };
  for (const Null& one : std::vector<Null>{
           {"Int8", FieldType::kInt64, Cell::Missing(Presence::kNull), "Nullable(Int8)", "null"},
           {"String", FieldType::kString, Cell::Missing(Presence::kAbsent), "Nullable(String)",
            "null"},
           {"LowCardinality(String)", FieldType::kString, Cell::Missing(Presence::kNull),
            "LowCardinality(Nullable(String))", "null"},
           {"Nullable(Int8)", FieldType::kInt64, Cell::Missing(Presence::kNull), "Nullable(Int8)",
            "null"},
           {"Array(Int8)", FieldType::kArray, Cell::Missing(Presence::kNull), "Array(Int8)", "[]"},
           {"Array(Int8)", FieldType::kArray, Cell::Json("[1,null]"), "Array(Int8)", "[1,0]"},
           {"Array(Nullable(Int8))", FieldType::kArray, Cell::Json("[1,null]"),
            "Array(Nullable(Int8))", "[1,null]"},
           {"Tuple(a Int8, b String)", FieldType::kMap, Cell::Json(R"({"a":null})"),
            "Tuple(a Int8, b String)", R"({"a":0,"b":""})"},
           {"JSON", FieldType::kMap, Cell::Missing(Presence::kNull), "JSON", "{}"},
           {"Map(String, UUID)", FieldType::kMap, Cell::Json(R"({"a":null})"), "Map(String, UUID)",
            R"({"a":"00000000-0000-0000-0000-000000000000"})"},
           {"SimpleAggregateFunction(sum, Int8)", FieldType::kInt64, Cell::Missing(Presence::kNull),
            "SimpleAggregateFunction(sum, Int8)", "0"},
       }) {
    ColumnPlan column{"v", one.field, "v", ""};
    column.null_as_default = true;
    const Column cells = ColumnOf("v", {one.cell});
    BlockBuilder builder(PlanOf(TableOf({{"v", one.type}}), {column}));
    const std::vector<ColumnView> views = {cells.View()};
    const auto bad = builder.Append({.columns = views, .begin = 0, .end = 1});
    ASSERT_TRUE(bad.ok() && bad.value().empty()) << one.type;
    const auto block = testing::ReadNativeBlock(builder.Finish(BodyCodec::kNone).body);
    ASSERT_TRUE(block.ok()) << block.error().detail;
    EXPECT_EQ(block.value()[0].type, one.written);
    EXPECT_EQ(block.value()[0].values, std::vector<std::string>{one.value}) << one.type;
  }
}

}  // namespace
}  // namespace penstock::clickhouse
