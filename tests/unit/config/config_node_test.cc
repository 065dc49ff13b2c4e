#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/node.h"

namespace penstock::config {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Kind = Node::Kind;

Node Parse(std::string_view text) {
  std::vector<Fault> faults;
  std::optional<Node> node = ParseNode(text, faults);
  EXPECT_TRUE(node.has_value()) << FaultsAsText(faults, "");
  EXPECT_EQ(FaultsAsText(faults, ""), "");
  return node.value_or(Node{});
}

// The only fault that the text has.
Fault FaultOf(std::string_view text) {
  std::vector<Fault> faults;
  ParseNode(text, faults);
  EXPECT_EQ(faults.size(), 1U) << FaultsAsText(faults, "");
  return faults.empty() ? Fault{} : faults.front();
}

TEST(NodeTest, JsonAndYamlOfTheSameTreeAreTheSame) {
  const std::string json = R"({"a": [1, -2, 1.50, 1e3, "1", true, null], "b": {"c": "x"}})";
  const std::string yaml = "a:\n- 1\n- -2\n- 1.50\n- 1e3\n- '1'\n- true\n- ~\nb:\n  c: x\n";
  EXPECT_EQ(ToJson(Parse(json)), R"({"a":[1,-2,1.50,1e3,"1",true,null],"b":{"c":"x"}})");
  EXPECT_EQ(ToJson(Parse(json)), ToJson(Parse(yaml)));
}

TEST(NodeTest, JsonIsJsonToTheLetter) {
  const Node node = Parse("{\"a\": \"\\/ \\u0041 \\ud83d\\ude00 \\\" \\\\\",\t\"b\\\"\": 9000}");
  EXPECT_EQ(node.children[0].text, "/ A 😀 \" \\");
  EXPECT_EQ(node.children[1].key, "b\"");
  EXPECT_EQ(Parse("{\n\t\"a\":\t[\n\t\t1]\n}").children[0].kind, Kind::kList);
  EXPECT_THAT(FaultOf("{\"a\": 1,}").message, HasSubstr("not valid JSON"));
  EXPECT_THAT(FaultOf("{a: 1}").message, HasSubstr("is read as JSON"));
}

TEST(NodeTest, NumbersKeepTheirDigits) {
  const Node node = Parse(R"({"a": 18446744073709551615, "b": 123456789012345678901, "c": 0.10})");
  EXPECT_EQ(node.children[0].text, "18446744073709551615");
  EXPECT_EQ(node.children[1].text, "123456789012345678901");
  EXPECT_EQ(node.children[1].kind, Kind::kInt);
  EXPECT_EQ(node.children[2].text, "0.10");
}

TEST(NodeTest, YamlScalarsAreWhatYaml12Says) {
  const struct {
    const char* yaml;
    Kind kind;
    const char* text;
  } cases[] = {
      {"12", Kind::kInt, "12"},        {"+12", Kind::kInt, "12"},
      {"-0012", Kind::kInt, "-12"},    {"0x1F", Kind::kInt, "31"},
      {"0o17", Kind::kInt, "15"},      {".5", Kind::kFloat, "0.5"},
      {"1.", Kind::kFloat, "1.0"},     {"1.e3", Kind::kFloat, "1.0e3"},
      {"yes", Kind::kText, "yes"},     {"True", Kind::kBool, "true"},
      {"null", Kind::kNull, ""},       {"", Kind::kNull, ""},
      {"\"12\"", Kind::kText, "12"},   {"'true'", Kind::kText, "true"},
      {"!!str 12", Kind::kText, "12"}, {"1.2.3", Kind::kText, "1.2.3"},
      {".inf", Kind::kText, ".inf"},   {"2024-03-15", Kind::kText, "2024-03-15"},
      {"12:30", Kind::kText, "12:30"}, {"|\n  a\n  b", Kind::kText, "a\nb"},
      {"-", Kind::kList, ""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.yaml);
    const Node node =
        Parse(std::string("a: ") + (c.yaml[0] == '-' && c.yaml[1] == 0 ? "\n  - x" : c.yaml));
    ASSERT_EQ(node.children.size(), 1U);
    EXPECT_EQ(node.children[0].kind, c.kind);
    EXPECT_EQ(node.children[0].text, c.text);
  }
}

TEST(NodeTest, EveryValueKnowsItsPlace) {
  const struct {
    const char* text;
    const char* path;
    int line;
    int column;
  } cases[] = {
      {"a: 1\nbc:\n  - x\n  -  yz: 2\n", "bc[1].yz", 4, 10},
      {"a: 1\nbc:\n  - x\n", "bc", 2, 1},  // A list is pointed at by its key.
      {"{\"a\": 1,\n \"bc\": [\"x\\\"y\", 12 ]}", "bc[0]", 2, 9},
      {"{\"a\": 1,\n \"bc\": [\"x\\\"y\", 12 ]}", "bc[1]", 2, 17},
      {"{\"a\": 1,\n \"bc\": [\"x\\\"y\", 12 ]}", "bc", 2, 2},
      {"{\"a\":\ntrue, \"b\": -1.5\n}", "a", 2, 1},
      {"{\"a\":\ntrue, \"b\": -1.5\n}", "b", 2, 12},
      {"\xEF\xBB\xBF{\"a\": null}", "a", 1, 7},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.text) + " at " + c.path);
    const Node root = Parse(c.text);
    const Node* node = FindPath(root, c.path);
    ASSERT_NE(node, nullptr);
    EXPECT_EQ(node->place().line, c.line);
    EXPECT_EQ(node->place().column, c.column);
  }
}

TEST(NodeTest, WhatIsNeitherYamlNorJsonIsAFaultWithItsPlace) {
  const struct {
    const char* text;
    int line;
    const char* message;
  } cases[] = {
      {"", 1, "empty"},
      {"# nothing\n", 1, "empty"},
      {"a: [1, 2\nb: 3\n", 2, "not valid YAML"},
      {"a: 1\n\tb: 2\n", 2, "not valid YAML"},
      {"a: 1\n---\nb: 2\n", 2, "second document"},
      {"{\"a\": 1\n \"b\": 2}", 2, "not valid JSON"},
      {"{\"a\": 1}\n{}", 2, "not valid JSON"},
      {"a: 1\nb: \xff\n", 2, "not UTF-8"},
      {"a: 1\n? [x]\n: 2\n", 2, "a key must be a text"},
      {"a: 1\n~: 2\n", 2, "a key must be a text"},
      {"a: &x\n  - *x\n", 2, "alias"},
      {"a: *nowhere\n", 1, "not valid YAML"},
      {"a: 1\nb: 2\na: 3\n", 3, "already on line 1"},
      {"{\"a\": 1,\n\"a\": 2}", 2, "already on line 1"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const Fault fault = FaultOf(c.text);
    EXPECT_EQ(fault.line, c.line);
    EXPECT_THAT(fault.message, HasSubstr(c.message));
  }
}

TEST(NodeTest, DuplicatesAreFoundAtAnyDepthWithTheirPath) {
  EXPECT_EQ(FaultOf("a:\n  - b: 1\n    b: 2\n").path, "a[0].b");
  EXPECT_EQ(FaultOf("{\"a\": [{\"b\": 1, \"b\": 2}]}").path, "a[0].b");
}

TEST(NodeTest, SyntaxErrorsQuoteNothingOfTheDocument) {
  for (const char* text :
       {"{\"password\": \"s3cret\n\"}", "{\"password\": \"s3cret", "{\"password\": s3cret}",
        "{\"password\": \"s3cret; expected s3cret\\x\"}", "password: 's3cret' s3cret\n",
        "password: [s3cret\n", "password: \"s3cret\\q\"\n", "s3cret: *s3cret\n"}) {
    SCOPED_TRACE(text);
    std::vector<Fault> faults;
    EXPECT_FALSE(ParseNode(text, faults).has_value());
    EXPECT_THAT(FaultsAsText(faults, ""), Not(HasSubstr("s3cret")));
  }
}

TEST(NodeTest, AnchorsStandForWhatTheyName) {
  const Node node = Parse("a: &x {b: [1, 2]}\nc: *x\nd: &y 5\ne: *y\n");
  EXPECT_EQ(ToJson(node), R"({"a":{"b":[1,2]},"c":{"b":[1,2]},"d":5,"e":5})");
  EXPECT_EQ(node.Find("c")->key_mark.line, 2);
}

TEST(NodeTest, HostileDocumentsEndInAFault) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string alias = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + alias;
    for (int j = 0; j < 9; ++j) bomb += ", " + alias;
    bomb += "]\n";
  }
  EXPECT_THAT(FaultOf(bomb).message, HasSubstr("larger than any pipeline"));
  EXPECT_THAT(FaultOf("{\"a\":" + std::string(100'000, '[')).message, HasSubstr("deeper"));
  EXPECT_FALSE(FaultOf("a: " + std::string(100'000, '[')).message.empty());
  EXPECT_FALSE(FaultOf("a: " + std::string(5'000, '{')).message.empty());
}

TEST(NodeTest, LocateGoesAsFarAsThePathExists) {
  const Node root = Parse("a:\n  b:\n    - c: 1\n");
  EXPECT_EQ(Locate(root, "a.b[0].c").text, "1");
  EXPECT_EQ(Locate(root, "a.b[0].missing").mark.line, 3);
  EXPECT_EQ(Locate(root, "a.b[7].c").key, "b");
  EXPECT_EQ(FindPath(root, "a.b[7].c"), nullptr);
  EXPECT_EQ(FindPath(root, "a.b[0].c.d"), nullptr);
}

}  // namespace
}  // namespace penstock::config
