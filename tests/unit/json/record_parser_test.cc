#include "json/record_parser.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "json_fixture.h"

namespace penstock::json {
namespace {

using testing::Field;
using testing::Optional;
using testing::ParserFor;
using testing::PlanOf;
using testing::ShowAll;
using testing::Unsent;
using testing::WithDefault;

struct Case {
  std::string record;
  std::string want;
};

void ExpectAll(const SourcePlan& plan, const std::vector<Case>& cases) {
  RecordParser parser = ParserFor(plan);
  for (const Case& c : cases) {
    SCOPED_TRACE(c.record);
    EXPECT_EQ(ShowAll(ParserFor(plan).Parse(c.record)), c.want);
    // Nor does what earlier records left behind make a difference.
    EXPECT_EQ(ShowAll(parser.Parse(c.record)), c.want);
  }
}

std::string Mismatch(std::string_view field, std::string_view what) {
  return fmt::format(
      "schema_mismatch: failed to validate data: validate json data against fields: "
      "field '{}' {}",
      field, what);
}

TEST(RecordParserTest, GivesOneCellASentFieldInThePlansOrder) {
  const SourcePlan plan =
      PlanOf(Field("name", FieldType::kString), Unsent(Field("checked", FieldType::kBool)),
             Field("n", FieldType::kInt64), Field("u", FieldType::kUint64),
             Field("f", FieldType::kFloat64), Field("yes", FieldType::kBool),
             Field("list", FieldType::kArray), Field("map", FieldType::kMap),
             Field("raw", FieldType::kBytes));
  RecordParser parser = ParserFor(plan);
  EXPECT_EQ(ShowAll(parser.Parse(
                R"( {"map":{ "k" : [1] }, "yes":true,"extra":{"n":[{},[],"}"]},"checked":false,)"
                R"("list":[1, {"a":null} ] ,"f":1,"raw":"b","u":18446744073709551615,)"
                R"("n":-9223372036854775808,"name":"x\u00e9\n\"y"} )")),
            "string \"xé\n\"y\" | int -9223372036854775808 | uint 18446744073709551615 | float 1 | "
            "true | json [1, {\"a\":null} ] | json { \"k\" : [1] } | string \"b\"");
}

TEST(RecordParserTest, SaysWhichFieldIsMissingNullOrIllTyped) {
  const SourcePlan plan = PlanOf(Field("s", FieldType::kString), Field("n", FieldType::kInt32));
  ExpectAll(plan, {
                      {R"({"s":"x"})", Mismatch("n", "is missing in the message")},
                      {R"({"n":1})", Mismatch("s", "is missing in the message")},
                      {R"({"s":null,"n":1})",
                       Mismatch("s", "type validation failed: expected string, got Null")},
                      {R"({"s":7,"n":1})",
                       Mismatch("s", "type validation failed: expected string, got Number")},
                      {R"({"s":["x"],"n":1})",
                       Mismatch("s", "type validation failed: expected string, got JSON")},
                      {R"({"s":"x","n":"1"})",
                       Mismatch("n", "type validation failed: expected number, got String")},
                      {R"({"s":"x","n":true})",
                       Mismatch("n", "type validation failed: expected number, got True")},
                      {R"({"s":"x","n":9223372036854775808})",
                       Mismatch("n",
                                "type validation failed: 9223372036854775808 is out of range "
                                "for a signed 64-bit integer")},
                      {R"({"s":"x","n":1.5})",
                       Mismatch("n", "type validation failed: expected an integer, got 1.5")},
                      {R"({"s":"x","n":1})", "string \"x\" | int 1"},
                  });
}

TEST(RecordParserTest, OptionalFieldsTellNullFromAbsentAndDefaultsFillIn) {
  const SourcePlan plan = PlanOf(Optional(Field("a", FieldType::kString)),
                                 WithDefault(Field("b", FieldType::kString), R"("none\n")"),
                                 WithDefault(Field("c", FieldType::kUint64), "7"),
                                 WithDefault(Optional(Field("d", FieldType::kArray)), "[1, 2]"));
  ExpectAll(
      plan,
      {
          {R"({})", "absent | string \"none\n\" | uint 7 | json [1, 2]"},
          {R"({"a":null,"b":null,"c":null,"d":null})",
           "null | string \"none\n\" | uint 7 | json [1, 2]"},
          {R"({"a":"","b":"","c":0,"d":[]})", "string \"\" | string \"\" | uint 0 | json []"},
          {R"({"a":1})", Mismatch("a", "type validation failed: expected string, got Number")},
          {R"({"c":-1})",
           Mismatch("c",
                    "type validation failed: -1 is out of range for an unsigned 64-bit integer")},
      });
}

TEST(RecordParserTest, ADottedNameIsTheLiteralKeyFirstThenTheNestedPath) {
  const SourcePlan plan =
      PlanOf(Optional(Field("a.b", FieldType::kInt64)), Optional(Field("a", FieldType::kMap)),
             Optional(Field("a.b.c", FieldType::kInt64)));
  ExpectAll(plan, {
                      {R"({"a.b":1})", "int 1 | absent | absent"},
                      {R"({"a":{"b":2}})", "int 2 | json {\"b\":2} | absent"},
                      {R"({"a":{"b":2},"a.b":1})", "int 1 | json {\"b\":2} | absent"},
                      {R"({"a.b":1,"a":{"b":2}})", "int 1 | json {\"b\":2} | absent"},
                      {R"({"a.b":null,"a":{"b":2}})", "null | json {\"b\":2} | absent"},
                      {R"({"a.b":5,"a":{"b":{"c":3}}})", "int 5 | json {\"b\":{\"c\":3}} | int 3"},
                      {R"({"a":{"b":{"c":3}}})",
                       Mismatch("a.b", "type validation failed: expected number, got JSON")},
                      {R"({"a.b.c":4,"a":null})", "absent | null | int 4"},
                      {R"({"a":[{"b":1}]})",
                       Mismatch("a", "type validation failed: expected object, got JSON")},
                  });
}

TEST(RecordParserTest, OfEqualKeysTheLastCounts) {
  const SourcePlan plan =
      PlanOf(Optional(Field("a", FieldType::kInt64)), Optional(Field("m.x", FieldType::kString)));
  ExpectAll(plan, {
                      {R"({"a":1,"a":2})", "int 2 | absent"},
                      {R"({"a":"bad","a":2})", "int 2 | absent"},
                      {R"({"a":2,"a":null})", "null | absent"},
                      {R"({"\u0061":1,"a":3,"\u0061":2})", "int 2 | absent"},
                      {R"({"m":{"x":"1"},"m":{}})", "absent | absent"},
                      {R"({"m":{"x":"1"},"m":5})", "absent | absent"},
                      {R"({"m":{"x":"1"},"m":{"x":"2","x":"3"}})", "absent | string \"3\""},
                      {R"({"m.x":"1","m":{"x":"2"},"m":{}})", "absent | string \"1\""},
                  });
}

TEST(RecordParserTest, IntegersAreExactWhateverTheirNotation) {
  const SourcePlan plan = PlanOf(Field("v", FieldType::kInt64));
  const auto number = [&](std::string_view text) {
    return ShowAll(ParserFor(plan).Parse(fmt::format("{{\"v\":{}}}", text)));
  };
  EXPECT_EQ(number("9007199254740993"), "int 9007199254740993");
  EXPECT_EQ(number("9223372036854775807"), "int 9223372036854775807");
  EXPECT_EQ(number("-9223372036854775808"), "int -9223372036854775808");
  EXPECT_EQ(number("-0"), "int 0");
  EXPECT_EQ(number("-0.0"), "int 0");
  EXPECT_EQ(number("5.0"), "int 5");
  EXPECT_EQ(number("1.5e3"), "int 1500");
  EXPECT_EQ(number("9007199254740993e0"), "int 9007199254740993");
  EXPECT_EQ(number("922337203685477580.7e1"), "int 9223372036854775807");
  EXPECT_EQ(number("12300e-2"), "int 123");
  EXPECT_EQ(number("0e999999999999999999999"), "int 0");
  for (const char* text : {"2.999999", "1e-1", "12301e-2", "0.5"}) {
    EXPECT_EQ(
        number(text),
        Mismatch("v", fmt::format("type validation failed: expected an integer, got {}", text)));
  }
  for (const char* text : {"1e19", "-9223372036854775809", "1e99999999999999999999"}) {
    EXPECT_EQ(number(text), Mismatch("v", fmt::format("type validation failed: {} is out of range "
                                                      "for a signed 64-bit integer",
                                                      text)));
  }
}

TEST(RecordParserTest, ADeclaredWidthIsNoRangeButTheColumnHasOne) {
  // The reference lets 256 of a `uint8` field into a UInt16 column.
  const SourcePlan plan = PlanOf(Field("v", FieldType::kUint8));
  EXPECT_EQ(ShowAll(ParserFor(plan).Parse(R"({"v":256})")), "uint 256");
}

TEST(RecordParserTest, AFieldThatFeedsTimeColumnsOnlyDropsTheFraction) {
  SourcePlan plan = PlanOf(Field("v", FieldType::kInt64));
  plan.fields[0].drop_fraction = true;
  EXPECT_EQ(ShowAll(ParserFor(plan).Parse(R"({"v":1710498151.9})")), "int 1710498151");
  EXPECT_EQ(ShowAll(ParserFor(plan).Parse(R"({"v":-1.9})")), "int -1");
  EXPECT_EQ(ShowAll(ParserFor(plan).Parse(R"({"v":-0.9})")), "int 0");
}

TEST(RecordParserTest, FloatsAreTheNearestAndAnyNumberIsOne) {
  const SourcePlan plan = PlanOf(Field("v", FieldType::kFloat64));
  const auto number = [&](std::string_view text) {
    return ShowAll(ParserFor(plan).Parse(fmt::format("{{\"v\":{}}}", text)));
  };
  EXPECT_EQ(number("1"), "float 1");
  EXPECT_EQ(number("-0.0"), "float -0");
  EXPECT_EQ(number("0.1"), "float 0.1");
  EXPECT_EQ(number("123456789.123456789"), "float 123456789.12345679");
  EXPECT_EQ(number("5e-324"), "float 5e-324");
  EXPECT_EQ(number("1e-400"), "float 0");
  EXPECT_EQ(number("18446744073709551616"), "float 1.8446744073709552e+19");
  EXPECT_EQ(number("1e400"),
            Mismatch("v", "type validation failed: 1e400 is out of range for a 64-bit float"));
}

TEST(RecordParserTest, ANumberGoesOnAsItsTextWhereThePlanAsksForThat) {
  SourcePlan plan = PlanOf(Field("v", FieldType::kFloat64));
  plan.fields[0].physical = PhysicalType::kJson;
  EXPECT_EQ(ShowAll(ParserFor(plan).Parse(R"({"v": 1.10 })")), "json 1.10");
  EXPECT_EQ(ShowAll(ParserFor(plan).Parse(R"({"v": "1.10" })")),
            Mismatch("v", "type validation failed: expected number, got String"));
}

TEST(RecordParserTest, SaysWhereARecordStopsBeingJson) {
  const auto error = [](std::string_view offset, std::string_view what) {
    return fmt::format("parse_error: failed to parse json: at byte {}: {}", offset, what);
  };
  ExpectAll(PlanOf(Optional(Field("a", FieldType::kInt64))),
            {
                {"", error("0", "the record is empty (a tombstone?)")},
                {" \n", error("0", "there is nothing but white space")},
                {"null", error("0", "the text is not a JSON object")},
                {"[1]", error("0", "the text is not a JSON object")},
                {"\xEF\xBB\xBF{}", error("0", "the text begins with a byte order mark")},
                {R"({"a":1)", error("6", "the text does not end with the object's '}'")},
                {R"({"b":{"a":1})", error("12", "the text ends inside an object or array")},
                {R"({"a":1}x)", error("8", "the text does not end with the object's '}'")},
                {R"({"a":1}{})", error("7", "something follows the object")},
                {R"({"a":07})", error("5", "malformed number")},
                {R"({"b":07})", error("5", "expected a value")},
                {R"({"a":1,})", error("7", "expected a member's name in double quotes")},
                {R"({"a" 1})", error("5", "expected ':' after a member's name")},
                {R"({"a":1 "b":2})", error("7", "expected ',' or '}' after a member")},
                {R"({"b":[1 2]})", error("8", "expected ',' or a closing bracket after a value")},
                {R"({"b":nul})", error("5", "malformed literal; true, false or null is meant?")},
                {R"({"b":"\x"})", error("6", "malformed escape in a string")},
                {R"({"b":"x})", error("5", "a string is not closed")},
                {"{\"b\":\"x\n\"}",
                 error("7", "a control character in a string must be written as an escape")},
                {"{\"b\":\"\xC3\xA9\xC3\"}", error("8", "the text is not UTF-8")},
                {"{\"b\":" + std::string(2000, '['),
                 error("2005", "the text does not end with the object's '}'")},
                {"{\"b\":" + std::string(2000, '[') + std::string(2000, ']') + "}",
                 error("1029", "nested too deeply")},
            });
}

TEST(RecordParserTest, ASchemaRegistrysFrameIsSkippedWhereOneIsNamed) {
  const SourcePlan plan = PlanOf(Field("a", FieldType::kInt64));
  const std::string framed("\0\0\0\0\x07{\"a\":1}", 12);
  RecordParser parser = ParserFor(plan, {.framed = true});
  EXPECT_EQ(ShowAll(parser.Parse(framed)), "int 1");
  EXPECT_EQ(ShowAll(parser.Parse(framed.substr(5))), "int 1");
  EXPECT_EQ(
      ShowAll(parser.Parse(framed.substr(0, 5))),
      "parse_error: failed to parse json: at byte 0: a schema registry's frame around nothing");
  EXPECT_EQ(ShowAll(ParserFor(plan).Parse(framed)),
            "parse_error: failed to parse json: at byte 0: "
            "a zero byte: framed for a schema registry? the source names none");
}

TEST(RecordParserTest, TextOfTheLastRecordLastsUntilTheNextParse) {
  RecordParser parser = ParserFor(PlanOf(Field("a", FieldType::kString)));
  const std::string large(3 << 20, 'x');
  EXPECT_EQ(ShowAll(parser.Parse("{\"a\":\"\\n" + large + "\"}")), "string \"\n" + large + "\"");
  EXPECT_EQ(ShowAll(parser.Parse(R"({"a":"small\t"})")), "string \"small\t\"");
}

TEST(RecordParserTest, TooLargeARecordIsADeadLetter) {
  RecordParser parser = ParserFor(PlanOf(Field("a", FieldType::kString)));
  const std::string huge((64 << 20) + 1, ' ');
  const auto cells = parser.Parse(huge);
  ASSERT_FALSE(cells.ok());
  EXPECT_EQ(cells.error().remedy, Remedy::kDeadLetter);
  EXPECT_EQ(cells.error().code, "record_too_large");
}

TEST(RecordParserTest, MetadataFieldsAreLeftToTheCaller) {
  SourcePlan plan = PlanOf(Field("_key", FieldType::kString), Field("a", FieldType::kInt64));
  plan.fields[0].metadata = true;
  EXPECT_EQ(ShowAll(ParserFor(plan).Parse(R"({"_key":"no","a":1})")), "absent | int 1");
}

TEST(RecordParserTest, APlanThatCannotBeIsRefused) {
  const struct {
    SourcePlan plan;
    const char* want;
  } cases[] = {
      {PlanOf(WithDefault(Field("a", FieldType::kInt64), "\"x\"")),
       "source 'test': the default of field 'a': failed to validate data: validate json data "
       "against fields: field 'value' type validation failed: expected number, got String"},
      {PlanOf(Field("a", FieldType::kInt64), Field("a", FieldType::kInt64)),
       "source 'test': field 'a' is named twice"},
  };
  for (const auto& c : cases) {
    const auto parser = RecordParser::Make(c.plan);
    ASSERT_FALSE(parser.ok());
    EXPECT_EQ(parser.error().remedy, Remedy::kStop);
    EXPECT_EQ(parser.error().detail, c.want);
  }
}

}  // namespace
}  // namespace penstock::json
