#include "block_fixture.h"

namespace penstock::clickhouse {
namespace {

// The data of the only column: behind "1 column, n rows, v, its type".
std::string Data(const std::string& type, const std::vector<Cell>& cells) {
  const Converted converted = Convert(type, cells);
  EXPECT_TRUE(converted.bad.empty()) << (converted.bad.empty() ? "" : converted.bad[0].message);
  ByteReader reader(converted.body);
  EXPECT_EQ(reader.Varint(), 1U);
  EXPECT_EQ(reader.Varint(), cells.size());
  EXPECT_EQ(reader.String(), "v");
  EXPECT_EQ(reader.String(), type);
  return std::string(reader.Take(reader.left()));
}

std::string Bytes(std::initializer_list<int> bytes) {
  std::string out;
  for (const int byte : bytes) out.push_back(static_cast<char>(byte));
  return out;
}

Cell Null() {
  return Cell::Missing(Presence::kNull);
}

// Expected bytes are worked out by hand from the format's description.
TEST(BlockBytesTest, Numbers) {
  EXPECT_EQ(Data("Int8", {Cell::Int64(-1), Cell::Int64(127)}), Bytes({0xFF, 0x7F}));
  EXPECT_EQ(Data("Int16", {Cell::Int64(-2)}), Bytes({0xFE, 0xFF}));
  EXPECT_EQ(Data("UInt32", {Cell::Int64(258)}), Bytes({2, 1, 0, 0}));
  EXPECT_EQ(Data("UInt64", {Cell::Uint64(~0ULL)}), std::string(8, '\xFF'));
  EXPECT_EQ(Data("Int64", {Cell::Uint64(1)}), Bytes({1, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(Data("Float64", {Cell::Float64(1)}), Bytes({0, 0, 0, 0, 0, 0, 0xF0, 0x3F}));
  EXPECT_EQ(Data("Float32", {Cell::Float64(1)}), Bytes({0, 0, 0x80, 0x3F}));
  EXPECT_EQ(Data("Bool", {Cell::Bool(true), Cell::Bool(false)}), Bytes({1, 0}));
}

TEST(BlockBytesTest, Texts) {
  EXPECT_EQ(Data("String", {Cell::String("ab"), Cell::String("")}), Bytes({2, 'a', 'b', 0}));
  EXPECT_EQ(Data("FixedString(3)", {Cell::String("ab"), Cell::String("abc")}),
            Bytes({'a', 'b', 0, 'a', 'b', 'c'}));
  EXPECT_EQ(Data("UUID", {Cell::String("00112233-4455-6677-8899-aabbccddeeff")}),
            Bytes({0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0x00, 0xFF, 0xEE, 0xDD, 0xCC, 0xBB,
                   0xAA, 0x99, 0x88}));
  EXPECT_EQ(Data("Enum8('a' = 1, 'b' = -2)", {Cell::String("b"), Cell::String("a")}),
            Bytes({0xFE, 1}));
  EXPECT_EQ(Data("Enum16('a' = 258)", {Cell::String("a")}), Bytes({2, 1}));
}

TEST(BlockBytesTest, Times) {
  EXPECT_EQ(Data("DateTime", {Cell::String("1970-01-01T00:04:18Z")}), Bytes({2, 1, 0, 0}));
  EXPECT_EQ(Data("DateTime('Europe/Berlin')", {Cell::Int64(258)}), Bytes({2, 1, 0, 0}));
  EXPECT_EQ(Data("DateTime64(3)", {Cell::String("1970-01-01T00:00:00.258Z")}),
            Bytes({2, 1, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(Data("DateTime64(0, 'UTC')", {Cell::String("1969-12-31T23:59:59.9Z")}),
            std::string(8, '\xFF'));
  EXPECT_EQ(Data("Date", {Cell::String("1970-09-16")}), Bytes({2, 1}));
  EXPECT_EQ(Data("Date32", {Cell::String("1969-12-31")}), std::string(4, '\xFF'));
}

TEST(BlockBytesTest, NullableHasAMapBeforeTheValues) {
  EXPECT_EQ(Data("Nullable(Int8)", {Cell::Int64(5), Null(), Cell::Missing(Presence::kAbsent)}),
            Bytes({0, 1, 1, 5, 0, 0}));
  EXPECT_EQ(Data("Nullable(String)", {Null(), Cell::String("x")}), Bytes({1, 0, 0, 1, 'x'}));
}

TEST(BlockBytesTest, LowCardinalityHasADictionary) {
  const std::string prefix = Bytes({1, 0, 0, 0, 0, 0, 0, 0});
  const std::string flags = Bytes({0, 6, 0, 0, 0, 0, 0, 0});
  const auto count = [](int n) { return Bytes({n, 0, 0, 0, 0, 0, 0, 0}); };
  EXPECT_EQ(
      Data("LowCardinality(String)", {Cell::String("b"), Cell::String("a"), Cell::String("b")}),
      prefix + flags + count(2) + Bytes({1, 'b', 1, 'a'}) + count(3) + Bytes({0, 1, 0}));
  // Null is entry 0; an empty string is another entry.
  EXPECT_EQ(Data("LowCardinality(Nullable(String))", {Cell::String(""), Null()}),
            prefix + flags + count(2) + Bytes({0, 0}) + count(2) + Bytes({1, 0}));
  EXPECT_EQ(Data("LowCardinality(UInt16)", {Cell::Int64(258), Cell::Int64(258)}),
            prefix + flags + count(1) + Bytes({2, 1}) + count(2) + Bytes({0, 0}));
}

TEST(BlockBytesTest, IndicesGrowWithTheDictionary) {
  for (const auto& [values, width] : std::vector<std::pair<std::size_t, std::size_t>>{
           {256, 1}, {257, 2}, {65536, 2}, {65537, 4}}) {
    std::vector<Cell> cells;
    for (std::size_t i = 0; i < values; ++i) cells.push_back(Cell::Uint64(i));
    const std::string data = Data("LowCardinality(UInt32)", cells);
    EXPECT_EQ(data.size(), 8 + 8 + 8 + values * 4 + 8 + values * width);
    EXPECT_EQ(data[8], static_cast<char>(width / 2));
  }
}

TEST(BlockBytesTest, ArraysAndMapsHaveOffsets) {
  const auto count = [](int n) { return Bytes({n, 0, 0, 0, 0, 0, 0, 0}); };
  EXPECT_EQ(Data("Array(Int8)", {Cell::Json("[1,2]"), Cell::Json("[]"), Cell::Json("[3]")}),
            count(2) + count(2) + count(3) + Bytes({1, 2, 3}));
  EXPECT_EQ(Data("Array(Array(UInt8))", {Cell::Json("[[1],[2,3]]")}),
            count(2) + count(1) + count(3) + Bytes({1, 2, 3}));
  EXPECT_EQ(Data("Map(String, Int8)", {Cell::Json(R"({"a":1,"b":2})")}),
            count(2) + Bytes({1, 'a', 1, 'b', 1, 2}));
  EXPECT_EQ(Data("Array(LowCardinality(String))", {Cell::Json(R"(["x"])")}),
            count(1) + count(1) + Bytes({0, 6, 0, 0, 0, 0, 0, 0}) + count(1) + Bytes({1, 'x'}) +
                count(1) + Bytes({0}));
}

TEST(BlockBytesTest, ColumnsFollowEachOther) {
  const auto plan = PlanOf(TableOf({{"a", "UInt8"}, {"b", "String"}}),
                           {{"y", FieldType::kString, "b", ""}, {"x", FieldType::kInt64, "a", ""}});
  const Column x = ColumnOf("x", {Cell::Int64(7)});
  const Column y = ColumnOf("y", {Cell::String("z")});
  const std::vector<ColumnView> views = {x.View(), y.View()};
  BlockBuilder builder(plan);
  ASSERT_TRUE(builder.Append({.columns = views, .begin = 0, .end = 1}).ok());
  const EncodedBlock block = builder.Finish(BodyCodec::kNone);
  EXPECT_EQ(block.body, Bytes({2, 1}) + "\1b\6String\1z" + "\1a\5UInt8\7");
  EXPECT_EQ(block.rows, 1U);
  EXPECT_EQ(block.raw_bytes, block.body.size());
}

}  // namespace
}  // namespace penstock::clickhouse
