#include "state/key_filter.h"

#include <gtest/gtest.h>

#include "support/random_first_rows.h"

namespace penstock::state {
namespace {

using testing::RandomKey;

std::vector<KeyFilter::Probe> RandomProbes(std::mt19937_64& random, std::size_t count) {
  std::vector<KeyFilter::Probe> probes;
  for (std::size_t i = 0; i < count; ++i) probes.push_back(KeyFilter::ProbeOf(RandomKey(random)));
  return probes;
}

TEST(KeyFilterTest, EveryKeyOfItIsFoundAndStrangeOnesSeldom) {
  constexpr std::size_t kKeys = 50'000;
  std::mt19937_64 random(1);
  // As the largest runs have it.
  KeyFilter filter(kKeys * KeyFilter::BitsPerKey(100'000'000) / 512);
  std::vector<KeyFilter::Probe> known;
  for (std::size_t i = 0; i < kKeys; ++i) {
    const KeyHash key = RandomKey(random);
    filter.Insert(key);
    known.push_back(KeyFilter::ProbeOf(key));
  }
  std::vector<std::uint32_t> found;
  filter.Find(known, found);
  EXPECT_EQ(found.size(), kKeys);
  found.clear();
  filter.Find(RandomProbes(random, 200'000), found);
  EXPECT_LT(found.size(), 200'000U * 4 / 1000);
  EXPECT_LE(KeyFilter::ForKeys(kKeys).bytes(), kKeys * KeyFilter::BitsPerKey(kKeys) / 8 + 64);
}

TEST(KeyFilterTest, WhatIsStoredInPiecesIsTheSame) {
  std::mt19937_64 random(2);
  KeyFilter filter = KeyFilter::ForKeys(1000);
  for (int i = 0; i < 1000; ++i) filter.Insert(RandomKey(random));
  KeyFilter loaded(filter.blocks());
  ASSERT_TRUE(loaded.Load(0, filter.Bytes().substr(0, 700)));
  ASSERT_TRUE(loaded.Load(700, filter.Bytes().substr(700)));
  EXPECT_EQ(loaded.Bytes(), filter.Bytes());
  EXPECT_FALSE(loaded.Load(filter.bytes() - 1, "ab"));
}

TEST(KeyFilterTest, OneOfNoKeysHoldsNone) {
  std::mt19937_64 random(3);
  std::vector<std::uint32_t> found;
  KeyFilter().Find(RandomProbes(random, 100), found);
  EXPECT_TRUE(found.empty());
}

}  // namespace
}  // namespace penstock::state
