#include "base/hash.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

// Values travel and are stored (routing, checksums, tokens): they never change.
TEST(HashTest, ValuesAreForEver) {
  EXPECT_EQ(Hash64(""), 0x2D06800538D394C2ULL);
  EXPECT_EQ(Hash64("penstock"), 0xFB5A0B813E4C7327ULL);
  EXPECT_EQ(Hash128Hex(""), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(Hash128Hex("penstock"), "c6932a2f07b073d6763ffab4001f7bdf");
}

}  // namespace
}  // namespace penstock
