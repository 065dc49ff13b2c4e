#include "stage/lease_entries.h"

#include <gtest/gtest.h>

namespace penstock::stage {
namespace {

TEST(LeaseEntriesTest, WhatIsWrittenIsRead) {
  for (const MemberEntry& member :
       {MemberEntry{"0f", 0, false}, MemberEntry{"a1b2", ~std::uint64_t{0}, true}}) {
    EXPECT_EQ(DecodeMember(EncodeMember(member)), member) << EncodeMember(member);
  }
  for (const LeaseEntry& lease : {LeaseEntry{"sink-0", "0f", 1}, LeaseEntry{"", "", 7}}) {
    EXPECT_EQ(DecodeLease(EncodeLease(lease)), lease) << EncodeLease(lease);
  }
}

TEST(LeaseEntriesTest, AnythingElseIsNeither) {
  for (const char* const text :
       {"", " ", "1", "1 a 0f", "1 a 0f 1 here", "1 a 0f  1", "1  0f 1", "2 a 0f 1", "1 a 0f -1",
        "1 a 0f 1 ", "1 a 0f one", "1 a 0f 99999999999999999999999", "{\"owner\":\"a\"}",
        "\x01\xff"}) {
    EXPECT_EQ(DecodeLease(text), std::nullopt) << text;
    EXPECT_EQ(DecodeMember(text), std::nullopt) << text;
  }
  EXPECT_EQ(DecodeMember("1 0f 1 gone"), std::nullopt);
}

}  // namespace
}  // namespace penstock::stage
