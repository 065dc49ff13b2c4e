#include <algorithm>
#include <random>
#include <set>

#include "base/compression.h"
#include "block_fixture.h"

namespace penstock::clickhouse {
namespace {

using Texts = std::vector<std::string>;

TEST(BlockRowsTest, ValuesArriveExactlyOrNotAtAll) {
  struct Case {
    std::string type;
    Cell cell;
    std::string value;  // As JSON; empty: refused.
  };
  for (const Case& one : std::vector<Case>{
           {"Int8", Cell::Int64(128), ""},
           {"Int8", Cell::Int64(-129), ""},
           {"UInt64", Cell::Int64(-1), ""},
           {"Int64", Cell::Uint64(9223372036854775808U), ""},
           {"Int64", Cell::Int64(9007199254740993), "9007199254740993"},
           {"Float32", Cell::Float64(3.5e38), ""},
           {"Float32", Cell::Float64(1e-50), "0"},
           {"FixedString(2)", Cell::String("abc"), ""},
           {"FixedString(3)", Cell::String("日"), "\"日\""},
           {"UUID", Cell::String(""), ""},
           {"UUID", Cell::String("5f1d7c1e9a634f6e8d130242ac12000g"), ""},
           {"UUID", Cell::String("5F1D7C1E9A634F6E8D130242AC120002"),
            "\"5f1d7c1e-9a63-4f6e-8d13-0242ac120002\""},
           {"UUID", Cell::String("{5f1d7c1e-9a63-4f6e-8d13-0242ac120002}"),
            "\"5f1d7c1e-9a63-4f6e-8d13-0242ac120002\""},
           {"Enum8('a' = 1)", Cell::String("b"), ""},
           {"Enum8('a' = 1)", Cell::Int64(1), "\"a\""},
           {"Enum8('a' = 1)", Cell::Int64(2), ""},
           {"Enum8('a' = 1)", Cell::Int64(257), ""},
           {"Bool", Cell::Int64(1), "true"},
           {"Bool", Cell::Int64(2), ""},
           {"DateTime", Cell::Int64(-1), ""},
           {"DateTime", Cell::String("2106-02-07T06:28:16Z"), ""},
           {"DateTime", Cell::String("2106-02-07T06:28:15Z"), "\"2106-02-07T06:28:15Z\""},
           {"DateTime", Cell::Float64(1710498151.75), "\"2024-03-15T10:22:31Z\""},
           {"DateTime", Cell::String("now"), ""},
           {"DateTime64(3)", Cell::String("2299-12-31T23:59:59.999Z"),
            "\"2299-12-31T23:59:59.999Z\""},
           {"DateTime64(3)", Cell::String("2300-01-01T00:00:00Z"), ""},
           {"DateTime64(3)", Cell::String("1899-12-31T23:59:59Z"), ""},
           {"DateTime64(9)", Cell::String("2262-04-11T23:47:16.854775807Z"),
            "\"2262-04-11T23:47:16.854775807Z\""},
           {"DateTime64(9)", Cell::String("2262-04-11T23:47:16.854775808Z"), ""},
           {"DateTime64(6)", Cell::Float64(1710498151.123456), "\"2024-03-15T10:22:31.123456Z\""},
           {"DateTime64(3)", Cell::Int64(1710498151123), "\"2024-03-15T10:22:31.123Z\""},
           {"Date", Cell::String("2149-06-06"), "\"2149-06-06T00:00:00Z\""},
           {"Date", Cell::String("2149-06-07"), ""},
           {"Date32", Cell::String("1900-01-01"), "\"1900-01-01T00:00:00Z\""},
           {"String", Cell::Int64(-5), "\"-5\""},
           {"String", Cell::Bool(true), "\"true\""},
           {"String", Cell::Float64(0.1), "\"0.1\""},
           {"String", Cell::Json(R"([1, "a"])"), R"("[1, \"a\"]")"},
           {"String", Cell::Json(R"("a\n")"), R"("a\n")"},
           {"LowCardinality(String)", Cell::Int64(5), "\"5\""},
       }) {
    const Converted converted = Convert(one.type, {one.cell});
    if (one.value.empty()) {
      ASSERT_EQ(converted.bad.size(), 1U) << one.type;
      EXPECT_EQ(converted.values.size(), 0U) << one.type;
    } else {
      ASSERT_TRUE(converted.bad.empty()) << one.type << ": " << converted.bad[0].message;
      EXPECT_EQ(converted.values, Texts{one.value}) << one.type;
    }
  }
}

TEST(BlockRowsTest, JsonValuesBecomeElements) {
  struct Case {
    std::string type;
    std::string json;
    std::string value;  // Empty: refused.
  };
  for (const Case& one : std::vector<Case>{
           {"Array(Int64)", "[9007199254740993, 1e3, -9223372036854775808]",
            "[9007199254740993,1000,-9223372036854775808]"},
           {"Array(Int64)", "[1.5]", ""},
           {"Array(Int64)", "[\"1\"]", ""},
           {"Array(Int64)", "[9223372036854775808]", ""},
           {"Array(UInt8)", "[-1]", ""},
           {"Array(Int32)", "[2147483648]", ""},
           {"Array(Float64)", "[1, 2.5, 1e300, -0.0]", "[1,2.5,1e+300,-0]"},
           {"Array(Float64)", "[1e400]", ""},
           {"Array(String)", "[\"a\", null]", ""},
           {"Array(Nullable(String))", "[\"a\", null, \"\"]", "[\"a\",null,\"\"]"},
           {"Array(String)", "[]", "[]"},
           {"Array(String)", "{}", ""},
           {"Array(String)", "[\"a\"", ""},
           {"Array(Bool)", "[true,0,false]", "[true,false,false]"},
           {"Array(UUID)", "[\"5f1d7c1e-9a63-4f6e-8d13-0242ac120002\"]",
            "[\"5f1d7c1e-9a63-4f6e-8d13-0242ac120002\"]"},
           {"Array(DateTime)", "[\"2024-03-15T10:22:31Z\", 0]",
            "[\"2024-03-15T10:22:31Z\",\"1970-01-01T00:00:00Z\"]"},
           {"Array(DateTime64(9))", "[1710498151.123456789]",
            "[\"2024-03-15T10:22:31.123456789Z\"]"},
           {"Array(Date)", "[\"2024-03-15\"]", "[\"2024-03-15T00:00:00Z\"]"},
           {"Array(FixedString(2))", "[\"abc\"]", ""},
           {"Array(LowCardinality(Nullable(String)))", "[\"a\",null,\"a\",\"\"]",
            "[\"a\",null,\"a\",\"\"]"},
           {"Array(Array(Int64))", "[[1,2],[],[3]]", "[[1,2],[],[3]]"},
           {"Array(Array(Int64))", "[[1,2],[null]]", ""},
           {"Array(Map(String, String))", R"([{"a":1,"b":true,"c":null,"d":[1],"e":{"f":2}}])",
            R"([{"a":"1","b":"true","c":"","d":"[1]","e":"{\"f\":2}"}])"},
           {"Map(String, String)", R"({"a":12345678,"b":1e21})", R"({"a":"12345678","b":"1e21"})"},
           {"Map(String, String)", R"({"a":"x","a":"y"})", R"({"a":"x"})"},
           {"Map(String, Int64)", "{}", "{}"},
           {"Map(String, Int64)", R"({"a":1,"b":"2"})", ""},
           {"Map(String, Nullable(String))", R"({"a":null})", R"({"a":null})"},
           {"Map(String, Array(String))", R"({"a":["x"]})", R"({"a":["x"]})"},
           {"Map(LowCardinality(String), Map(String, Int8))", R"({"k":{"a":1},"l":{"a":2}})",
            R"({"k":{"a":1},"l":{"a":2}})"},
           {"Map(Int32, String)", R"({"-5":"x"})", R"({"-5":"x"})"},
           {"Map(Int32, String)", R"({"x":"x"})", ""},
           {"Map(String, String)", "[]", ""},
       }) {
    const Converted converted = Convert(one.type, {Cell::Json(one.json)});
    if (one.value.empty()) {
      ASSERT_EQ(converted.bad.size(), 1U) << one.type << " " << one.json;
    } else {
      ASSERT_TRUE(converted.bad.empty()) << one.type << ": " << converted.bad[0].message;
      EXPECT_EQ(converted.values, Texts{one.value}) << one.type;
    }
  }
}

TEST(BlockRowsTest, ManyKeysOfOneObjectAreToldApart) {
  std::string json = "{";
  for (int i = 0; i < 100; ++i) json += fmt::format("\"k{}\":{},", i % 50, i);
  json.back() = '}';
  const Converted converted = Convert("Map(String, Int64)", {Cell::Json(json)});
  ASSERT_EQ(converted.values.size(), 1U);
  EXPECT_EQ(std::ranges::count(converted.values[0], ':'), 50);
  EXPECT_NE(converted.values[0].find("\"k49\":49"), std::string::npos);
}

TEST(BlockRowsTest, ABadRowSaysColumnTypeAndValue) {
  const Converted range = Convert("Int8", {Cell::Int64(1), Cell::Int64(300)});
  ASSERT_EQ(range.bad.size(), 1U);
  EXPECT_EQ(range.bad[0].row, 1U);
  EXPECT_EQ(range.bad[0].column, "v");
  EXPECT_EQ(range.bad[0].message, "column `v`, Int8: 300 is out of its range; take a wider type");
  const Converted null = Convert("String", {Cell::Missing(Presence::kAbsent), Cell::String("x")});
  ASSERT_EQ(null.bad.size(), 1U);
  EXPECT_EQ(null.bad[0].message,
            "column `v`, String: null or missing, and the column is not Nullable; make it so, give "
            "the field a default, or set sink.null_as_default");
  const Converted element = Convert("Array(Array(Int8))", {Cell::Json("[[1],[1000]]")});
  ASSERT_EQ(element.bad.size(), 1U);
  EXPECT_EQ(element.bad[0].message,
            "column `v`, Int8: 1000 is out of its range; take a wider type");
  const Converted text = Convert("UUID", {Cell::String(std::string(98, 'x') + "日本語")});
  EXPECT_NE(text.bad.at(0).message.find(std::string(98, 'x') + "… (107 bytes)"), std::string::npos)
      << text.bad[0].message;
}

// The law of the builder: whatever is left out and whatever is bad, the good rows are there, all
// of them, in order, in every column. The model converts each row alone.
TEST(BlockRowsTest, BadRowsAreOutOfEveryColumn) {
  const auto plan = PlanOf(TableOf({{"a", "Int8"},
                                    {"b", "Nullable(String)"},
                                    {"c", "LowCardinality(String)"},
                                    {"d", "Array(LowCardinality(Nullable(String)))"},
                                    {"e", "FixedString(2)"},
                                    {"f", "LowCardinality(Nullable(Int16))"}}),
                           {{"a", FieldType::kInt64, "a", ""},
                            {"b", FieldType::kString, "b", ""},
                            {"b", FieldType::kString, "c", ""},
                            {"d", FieldType::kArray, "d", ""},
                            {"b", FieldType::kString, "e", ""},
                            {"a", FieldType::kInt64, "f", ""}});
  for (unsigned seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937 random(seed);
    BlockBuilder builder(plan);
    std::vector<Texts> expected(6);
    for (std::size_t slices = random() % 4; slices > 0; --slices) {
      const std::size_t rows = random() % 40;
      Column a("a", PhysicalType::kInt64);
      Column b("b", PhysicalType::kString);
      Column d("d", PhysicalType::kJson);
      std::vector<std::int64_t> as;
      Texts bs;
      Texts ds;
      const unsigned trouble = random() % 3 == 0 ? 1 : 10;
      for (std::size_t i = 0; i < rows; ++i) {
        as.push_back(random() % (20 * trouble) == 0 ? 300 : static_cast<int>(random() % 100));
        bs.push_back(random() % (20 * trouble) == 0 ? "long" : std::string(random() % 3, 'x'));
        ds.push_back(random() % (20 * trouble) == 0 ? "{}"
                     : random() % 2 == 0            ? "[null,\"q\"]"
                                                    : "[]");
        a.Append(Cell::Int64(as.back()));
        const bool null = random() % (20 * trouble) == 0;
        if (null) bs.back() = "null";
        b.Append(null ? Cell::Missing(Presence::kNull) : Cell::String(bs.back()));
        d.Append(Cell::Json(ds.back()));
      }
      const std::size_t begin = rows == 0 ? 0 : random() % rows;
      const std::size_t end = begin + (rows == begin ? 0 : random() % (rows - begin + 1));
      std::vector<std::size_t> left_out;
      for (std::size_t i = 0; i < rows; ++i) {
        if (random() % 8 == 0) left_out.push_back(i);
      }
      std::set<std::size_t> expect_bad;
      for (std::size_t i = begin; i < end; ++i) {
        if (std::ranges::binary_search(left_out, i)) continue;
        if (as[i] == 300 || bs[i].size() > 2 || bs[i] == "null" || ds[i] == "{}") {
          expect_bad.insert(i);
          continue;
        }
        expected[0].push_back(fmt::format("{}", as[i]));
        expected[1].push_back("\"" + bs[i] + "\"");
        expected[2].push_back("\"" + bs[i] + "\"");
        expected[3].push_back(ds[i]);
        std::string zeros;
        for (std::size_t z = bs[i].size(); z < 2; ++z) zeros += "\\u0000";
        expected[4].push_back("\"" + bs[i] + zeros + "\"");
        expected[5].push_back(fmt::format("{}", as[i]));
      }
      const std::vector<ColumnView> views = {b.View(), a.View(), d.View()};
      const auto bad =
          builder.Append({.columns = views, .begin = begin, .end = end, .left_out = left_out});
      ASSERT_TRUE(bad.ok()) << bad.error().detail;
      std::vector<std::size_t> bad_rows;
      for (const BadRow& row : bad.value()) bad_rows.push_back(row.row);
      // Each once, in order.
      ASSERT_EQ(bad_rows, std::vector<std::size_t>(expect_bad.begin(), expect_bad.end()));
    }
    ASSERT_EQ(builder.rows(), expected[0].size());
    const EncodedBlock block = builder.Finish(BodyCodec::kNone);
    if (expected[0].empty()) {
      ASSERT_EQ(block.body, "");
      continue;
    }
    const auto read = testing::ReadNativeBlock(block.body);
    ASSERT_TRUE(read.ok()) << read.error().detail;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(read.value()[i].values, expected[i]) << "column " << i;
    }
    ASSERT_EQ(builder.rows(), 0U);
  }
}

TEST(BlockRowsTest, MetadataOfEachRow) {
  const auto plan = PlanOf(TableOf({{"topic", "LowCardinality(String)"},
                                    {"partition", "Int32"},
                                    {"offset", "UInt64"},
                                    {"at", "DateTime64(3)"},
                                    {"ingested", "DateTime"}}),
                           {{"_topic", FieldType::kString, "topic", "", true},
                            {"_partition", FieldType::kString, "partition", "", true},
                            {"_offset", FieldType::kString, "offset", "", true},
                            {"_timestamp", FieldType::kString, "at", "", true},
                            {"_ingest_time", FieldType::kString, "ingested", "", true}});
  const std::vector<OriginRun> origins = {{2, "left", 1}, {2, "right", 7}};
  const std::vector<std::int64_t> offsets = {10, 11, 5, 6};
  const std::vector<std::int64_t> timestamps = {0, 1, 1'710'498'151'123, 3};
  BlockBuilder builder(plan);
  // Rows 4 to 7 of the message, without row 5.
  const std::vector<std::size_t> left_out = {5};
  RowSlice slice{.begin = 4, .end = 8, .left_out = left_out};
  slice.meta = {origins, offsets, timestamps, 1'710'498'151'999};
  const auto bad = builder.Append(slice);
  ASSERT_TRUE(bad.ok()) << bad.error().detail;
  ASSERT_TRUE(bad.value().empty()) << bad.value()[0].message;
  const auto block = testing::ReadNativeBlock(builder.Finish(BodyCodec::kNone).body);
  ASSERT_TRUE(block.ok()) << block.error().detail;
  EXPECT_EQ(block.value()[0].values, (Texts{"\"left\"", "\"right\"", "\"right\""}));
  EXPECT_EQ(block.value()[1].values, (Texts{"1", "7", "7"}));
  EXPECT_EQ(block.value()[2].values, (Texts{"10", "5", "6"}));
  EXPECT_EQ(block.value()[3].values[1], "\"2024-03-15T10:22:31.123Z\"");
  EXPECT_EQ(block.value()[3].values[2], "\"1970-01-01T00:00:00.003Z\"");
  EXPECT_EQ(block.value()[4].values[0], "\"2024-03-15T10:22:31Z\"");
  slice.meta.offsets = slice.meta.offsets.first(3);
  EXPECT_FALSE(builder.Append(slice).ok());
}

TEST(BlockRowsTest, AMessageThatDoesNotFitThePlanAddsNothing) {
  const auto plan = PlanOfOne("String", FieldType::kString);
  BlockBuilder builder(plan);
  const Column other = ColumnOf("other", {Cell::String("x")});
  std::vector<ColumnView> views = {other.View()};
  auto bad = builder.Append({.columns = views, .begin = 0, .end = 1});
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().code, "schema");
  const Column column = ColumnOf("v", {Cell::String("x"), Cell::String("y")});
  views = {column.View()};
  views[0].data.remove_suffix(1);
  bad = builder.Append({.columns = views, .begin = 1, .end = 2});
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().code, "corrupt");
  EXPECT_FALSE(builder.Append({.columns = views, .begin = 0, .end = 3}).ok());
  EXPECT_EQ(builder.rows(), 0U);
  EXPECT_EQ(builder.Finish().body, "");
}

// Any bytes as columns: an answer, and no read outside of them.
TEST(BlockRowsTest, SurvivesHostileColumns) {
  const std::vector<std::string> types = {"String",
                                          "LowCardinality(Nullable(String))",
                                          "Array(Map(String, Array(Int32)))",
                                          "DateTime64(6)",
                                          "UUID",
                                          "FixedString(4)",
                                          "Enum8('a' = 1)",
                                          "Int16"};
  for (unsigned seed = 0; seed < 3000; ++seed) {
    std::mt19937 random(seed);
    const std::string& type = types[random() % types.size()];
    auto plan = BlockPlan::Make(TableOf({{"v", type}}),
                                std::vector<ColumnPlan>{{"v", FieldType::kArray, "v", ""}});
    if (!plan.ok()) {
      plan = BlockPlan::Make(TableOf({{"v", type}}),
                             std::vector<ColumnPlan>{{"v", FieldType::kString, "v", ""}});
    }
    if (!plan.ok()) plan = PlanOfOne(type, FieldType::kInt64);
    ASSERT_TRUE(plan.ok());
    std::string data(random() % 60, '\0');
    for (char& c : data) {
      c = random() % 2 == 0 ? static_cast<char>(random() % 8) : "[]{}\",:1a\\u"[random() % 11];
    }
    std::string presence(random() % 2 == 0 ? 0 : random() % 12, '\0');
    for (char& c : presence) c = static_cast<char>(random() % 4);
    const ColumnView view{"v", static_cast<PhysicalType>(random() % 6), random() % 12, data,
                          presence};
    const std::vector<ColumnView> views = {view};
    BlockBuilder builder(plan.value());
    const auto bad =
        builder.Append({.columns = views, .begin = random() % 3, .end = 3 + random() % 9});
    const EncodedBlock block = builder.Finish(BodyCodec::kNone);
    if (!bad.ok()) {
      ASSERT_EQ(block.rows, 0U) << "seed=" << seed;
    }
  }
}

TEST(BlockRowsTest, CompressedBodiesHoldTheSameBlock) {
  const auto plan = PlanOfOne("String", FieldType::kString);
  const Column column = ColumnOf("v", std::vector<Cell>(1000, Cell::String("the same again")));
  const std::vector<ColumnView> views = {column.View()};
  BlockBuilder builder(plan);
  ASSERT_TRUE(builder.Append({.columns = views, .begin = 0, .end = 1000}).ok());
  const EncodedBlock plain = builder.Finish(BodyCodec::kNone);
  ASSERT_TRUE(builder.Append({.columns = views, .begin = 0, .end = 1000}).ok());
  const EncodedBlock zstd = builder.Finish(BodyCodec::kZstd);
  EXPECT_LT(zstd.body.size(), plain.body.size() / 10);
  EXPECT_EQ(zstd.raw_bytes, plain.body.size());
  std::string out;
  ASSERT_TRUE(Decompress(Codec::kZstd, zstd.body, zstd.raw_bytes, out).ok());
  EXPECT_EQ(out, plain.body);
}

}  // namespace
}  // namespace penstock::clickhouse
