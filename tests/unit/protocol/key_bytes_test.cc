#include "protocol/key_bytes.h"

#include <set>

#include <gtest/gtest.h>

namespace penstock::protocol {
namespace {

std::string KeyOf(std::initializer_list<Cell> parts) {
  std::string key;
  for (const Cell& part : parts) AppendKeyPart(key, part);
  return key;
}

TEST(KeyBytesTest, ANumberWithItsTextIsItsValue) {
  const std::string one = KeyOf({Cell::Json("1")});
  for (const char* const same : {"1.0", "1.00", "1e0", "10e-1", "0.1E+1"}) {
    EXPECT_EQ(KeyOf({Cell::Json(same)}), one) << same;
  }
  EXPECT_EQ(KeyOf({Cell::Json("0")}), KeyOf({Cell::Json("-0.00e7")}));
  EXPECT_EQ(KeyOf({Cell::Json("120")}), KeyOf({Cell::Json("1.2e2")}));
}

TEST(KeyBytesTest, DifferentValuesAreDifferentKeys) {
  std::set<std::string> keys;
  const char* const texts[] = {"1",
                               "-1",
                               "10",
                               "100",
                               "0.1",
                               "0",
                               "12",
                               "1.2",
                               "21",
                               "1e400000000000000000000",
                               "18446744073709551617",
                               "18446744073709551616",
                               "[1]",
                               "[1.0]",
                               "\"1\""};
  for (const char* const text : texts) keys.insert(KeyOf({Cell::Json(text)}));
  EXPECT_EQ(keys.size(), std::size(texts));
}

TEST(KeyBytesTest, PartsDoNotRunTogether) {
  EXPECT_NE(KeyOf({Cell::String("ab"), Cell::String("c")}),
            KeyOf({Cell::String("a"), Cell::String("bc")}));
  EXPECT_NE(KeyOf({Cell::String(""), Cell::String("a")}),
            KeyOf({Cell::String("a"), Cell::String("")}));
}

TEST(KeyBytesTest, AsTextEqualValuesOfOtherTypesAreOneKey) {
  const auto text_of = [](const Cell& cell) {
    std::string key;
    AppendKeyText(key, cell);
    return key;
  };
  const std::string five = text_of(Cell::String("5"));
  EXPECT_EQ(text_of(Cell::Int64(5)), five);
  EXPECT_EQ(text_of(Cell::Uint64(5)), five);
  EXPECT_EQ(text_of(Cell::Float64(5)), five);
  EXPECT_EQ(text_of(Cell::Json("5.0")), five);
  EXPECT_EQ(text_of(Cell::Json("5e0")), five);
  EXPECT_EQ(text_of(Cell::Float64(-0.25)), text_of(Cell::String("-0.25")));
  EXPECT_EQ(text_of(Cell::Uint64(18446744073709551615U)),
            text_of(Cell::Json("18446744073709551615")));
  EXPECT_EQ(text_of(Cell::Bool(true)), text_of(Cell::String("true")));
  EXPECT_NE(text_of(Cell::String("5.0")), five) << "a text is what it is";
}

TEST(KeyBytesTest, TextIsTakenByteForByte) {
  EXPECT_NE(KeyOf({Cell::String("1")}), KeyOf({Cell::String("1.0")}));
  EXPECT_NE(KeyOf({Cell::String("\xC3\xA9")}), KeyOf({Cell::String("e\xCC\x81")}));
}

}  // namespace
}  // namespace penstock::protocol
