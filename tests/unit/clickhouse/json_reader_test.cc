#include "clickhouse/json_reader.h"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "clickhouse/number_text.h"

namespace penstock::clickhouse {
namespace {

// Prints the value that the reader stands before, reading every part of it.
std::string Walk(JsonReader& reader, int depth = 0) {
  std::string scratch;
  if (depth > 50) return std::string(reader.Skip());
  switch (reader.Peek()) {
    case JsonReader::Kind::kString:
      return "s:" + std::string(reader.String(scratch));
    case JsonReader::Kind::kArray: {
      std::string out = "[";
      for (reader.Open(); reader.NextElement();) out += Walk(reader, depth + 1) + ";";
      return out + "]";
    }
    case JsonReader::Kind::kObject: {
      std::string out = "{";
      std::string_view key;
      for (reader.Open(); reader.NextMember(key, scratch);) {
        out += std::string(key) + "=";
        out += Walk(reader, depth + 1) + ";";
      }
      return out + "}";
    }
    default:
      return std::string(reader.Skip());
  }
}

std::string WalkAll(std::string_view text) {
  JsonReader reader(text);
  const std::string out = Walk(reader);
  return reader.ok() ? out : "fault";
}

TEST(JsonReaderTest, HandsOutEveryPart) {
  EXPECT_EQ(WalkAll(R"( [1, -2.5e3 ,"a", null,true,[ ] ,{}] )"), "[1;-2.5e3;s:a;null;true;[];{};]");
  EXPECT_EQ(WalkAll(R"({"a" : {"b":[ [1],[] ]} , "c":"d"})"), "{a={b=[[1;];[];];};c=s:d;}");
  EXPECT_EQ(WalkAll(R"("a\"\\\/\b\f\n\r\t\u0041\u00e9\u65e5\ud83d\ude00")"),
            "s:a\"\\/\b\f\n\r\tAé日😀");
  EXPECT_EQ(WalkAll(R"("\ud83d x \ude00")"), "s:\xEF\xBF\xBD x \xEF\xBF\xBD");
}

TEST(JsonReaderTest, SkipGivesTheExactText) {
  JsonReader reader(R"([ {"a":[1,"]"]} , 2])");
  reader.Open();
  ASSERT_TRUE(reader.NextElement());
  EXPECT_EQ(reader.Skip(), R"({"a":[1,"]"]})");
  ASSERT_TRUE(reader.NextElement());
  EXPECT_EQ(reader.Skip(), "2");
  EXPECT_FALSE(reader.NextElement());
  EXPECT_TRUE(reader.ok());
}

TEST(JsonReaderTest, BrokenTextIsAFault) {
  for (const std::string_view text :
       {"", " ", "[", "[1", "[1,", "[1 2]", "{\"a\"", "{\"a\":", "{\"a\" 1}", "{1:2}", "\"a",
        "\"a\\", "\"\\u12\"", "\"\\x\"", "[1,]", "{,}", "]", "x", "{\"a\":[}"}) {
    EXPECT_EQ(WalkAll(text), "fault") << text;
  }
}

TEST(JsonReaderTest, AnyBytesEndSomewhere) {
  const std::string good = R"({"a":[1,2.5,"x\n\u00e9",{"b":null}],"c":{"d":[true,false,[]]}})";
  for (unsigned seed = 0; seed < 5000; ++seed) {
    std::mt19937 random(seed);
    std::string text = good.substr(0, random() % (good.size() + 1));
    for (std::size_t i = random() % 5; i > 0 && !text.empty(); --i) {
      text[random() % text.size()] =
          random() % 3 == 0 ? static_cast<char>(random()) : "[]{},:\"\\"[random() % 8];
    }
    JsonReader reader(text);
    Walk(reader);
    JsonReader other(text);
    other.Skip();
  }
  const std::string deep(1'000'000, '[');
  JsonReader reader(deep);
  EXPECT_EQ(reader.Skip(), "");
}

TEST(NumberTextTest, IntegersAreExact) {
  WideInteger value;
  const auto parse = [&](std::string_view text) {
    const FaultKind fault = ParseInteger(text, value);
    return fault;
  };
  for (const auto& [text, negative, magnitude] :
       std::vector<std::tuple<std::string, bool, std::uint64_t>>{
           {"0", false, 0},
           {"-0", true, 0},
           {"9007199254740993", false, 9007199254740993U},
           {"18446744073709551615", false, 18446744073709551615U},
           {"-9223372036854775808", true, 9223372036854775808U},
           {"1e3", false, 1000},
           {"1.5e1", false, 15},
           {"1500e-2", false, 15},
           {"0.00e5", false, 0},
           {"10000000000000000000000e-3", false, 10000000000000000000U},
       }) {
    EXPECT_EQ(parse(text), FaultKind::kNone) << text;
    EXPECT_EQ(value.negative, negative) << text;
    EXPECT_EQ(value.magnitude, magnitude) << text;
  }
  EXPECT_EQ(parse("18446744073709551616"), FaultKind::kOutOfRange);
  EXPECT_EQ(parse("1e20"), FaultKind::kOutOfRange);
  EXPECT_EQ(parse("1e999999999999"), FaultKind::kOutOfRange);
  EXPECT_EQ(parse("1.5"), FaultKind::kFraction);
  EXPECT_EQ(parse("1e-1"), FaultKind::kFraction);
  for (const std::string_view text : {"", "-", "a", "1a", "1.", ".5", "1e", "1e+", "--1"}) {
    EXPECT_EQ(parse(text), FaultKind::kWrongKind) << text;
  }
}

TEST(NumberTextTest, DoublesAreNearest) {
  double value = 0;
  EXPECT_EQ(ParseDouble("0.1", value), FaultKind::kNone);
  EXPECT_EQ(value, 0.1);
  EXPECT_EQ(ParseDouble("5e-324", value), FaultKind::kNone);
  EXPECT_EQ(value, 5e-324);
  EXPECT_EQ(ParseDouble("-1e-400", value), FaultKind::kNone);
  EXPECT_TRUE(value == 0 && std::signbit(value));
  EXPECT_EQ(ParseDouble("0.0000001e-400", value), FaultKind::kNone);
  EXPECT_EQ(ParseDouble("1e400", value), FaultKind::kOutOfRange);
  EXPECT_EQ(ParseDouble("1000e307", value), FaultKind::kOutOfRange);
}

}  // namespace
}  // namespace penstock::clickhouse
