#include "sink/pieces.h"

#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

namespace penstock::sink {
namespace {

bool Takes(const Piece& piece, std::size_t number, const std::vector<std::uint64_t>& hashes) {
  return number >= piece.begin && number < piece.end && piece.TakesHash(hashes[number]);
}

// Whatever is split and done in whatever order, each row is in exactly one piece, and what a piece
// holds follows from the intent alone.
TEST(PiecesTest, EachRowIsInOnePieceHoweverABlockIsSplit) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937_64 random(seed);
    const std::size_t rows = random() % 200 + 1;
    std::vector<std::uint64_t> hashes(rows);
    for (auto& hash : hashes) hash = random() % 16 * 0x9E3779B97F4A7C15ULL;
    Intent intent;
    intent.token = "t";
    std::vector<int> taken(rows, 0);
    std::set<std::string> tokens;
    while (const auto piece = FirstOpenPiece(intent, rows)) {
      if (random() % 5 < 2 && piece->end - piece->begin >= 2) {
        SplitByRows(intent, *piece);
      } else if (random() % 16 == 0 && piece->hash_bits < 40) {
        SplitByPartitions(intent, *piece, static_cast<std::uint8_t>(random() % 3 + 1));
      } else {
        EXPECT_TRUE(tokens.insert(TokenOf(intent, *piece)).second) << "a token serves once";
        for (std::size_t i = 0; i < rows; ++i) taken[i] += Takes(*piece, i, hashes) ? 1 : 0;
        MarkDone(intent, piece->path);
      }
    }
    EXPECT_EQ(taken, std::vector<int>(rows, 1));
    EXPECT_EQ(intent.done, std::vector<std::string>{""});
    EXPECT_TRUE(intent.splits.empty());
  }
}

TEST(PiecesTest, TheBlocksOwnTokenIsThatOfTheWhole) {
  Intent intent;
  intent.token = "orders/3/x";
  const auto whole = FirstOpenPiece(intent, 10);
  ASSERT_TRUE(whole);
  EXPECT_EQ(TokenOf(intent, *whole), "orders/3/x");
  SplitByRows(intent, *whole);
  const auto half = FirstOpenPiece(intent, 10);
  ASSERT_TRUE(half);
  EXPECT_EQ(TokenOf(intent, *half), "orders/3/x/0");
  EXPECT_EQ(half->end, 5U);
}

// The search for one row among very many must not make a record that no message can carry.
TEST(PiecesTest, TheRecordStaysSmallWhileABlockIsBisected) {
  std::mt19937_64 random(7);
  constexpr std::size_t kRows = 1'000'000;
  std::set<std::size_t> bad;
  while (bad.size() < 50) bad.insert(random() % kRows);
  Intent intent;
  std::size_t most_splits = 0;
  std::size_t most_done = 0;
  while (const auto piece = FirstOpenPiece(intent, kRows)) {
    const auto first = bad.lower_bound(piece->begin);
    const bool has_bad = first != bad.end() && *first < piece->end;
    if (has_bad && piece->end - piece->begin >= 2) {
      SplitByRows(intent, *piece);
    } else {
      MarkDone(intent, piece->path);
    }
    most_splits = std::max(most_splits, intent.splits.size());
    most_done = std::max(most_done, intent.done.size());
  }
  EXPECT_LE(most_splits, 20U);
  EXPECT_LE(most_done, 20U);
}

TEST(PiecesTest, PartitionsAreSplitFarEnoughAtOnce) {
  std::mt19937_64 random(3);
  for (const std::size_t partitions : {101U, 150U, 500U, 3000U}) {
    std::vector<std::uint64_t> hashes;
    for (std::size_t i = 0; i < partitions; ++i) hashes.push_back(random());
    for (std::size_t i = 0; i < partitions; ++i) hashes.push_back(hashes[i]);  // Rows share them.
    const std::uint8_t bits = PartitionBits(hashes, 0, 100);
    std::map<std::uint64_t, std::set<std::uint64_t>> pieces;
    for (const std::uint64_t hash : hashes) pieces[hash & ((1U << bits) - 1)].insert(hash);
    for (const auto& [remainder, inside] : pieces) EXPECT_LE(inside.size(), 100U);
    EXPECT_LE(std::size_t{1} << bits, partitions / 100 * 4 + 4) << "and not much further";
  }
  EXPECT_EQ(PartitionBits(std::vector<std::uint64_t>{1, 2, 3, 3}, 0, 3), 0);
}

}  // namespace
}  // namespace penstock::sink
