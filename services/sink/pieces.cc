#include "sink/pieces.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/check.h"

namespace penstock::sink {

namespace {

Piece HalfOf(const Piece& piece, SplitKind kind, bool second) {
  Piece half = piece;
  half.path += second ? '1' : '0';
  if (kind == SplitKind::kPartitions) {
    half.remainder |= std::uint64_t{second} << half.hash_bits++;
    return half;
  }
  const std::size_t middle = piece.begin + (piece.end - piece.begin) / 2;
  (second ? half.begin : half.end) = middle;
  return half;
}

bool IsDone(const Intent& intent, std::string_view path) {
  return std::ranges::any_of(intent.done,
                             [&](const std::string& done) { return path.starts_with(done); });
}

// `levels` more halvings of `kind` belong to a split that has been entered.
std::optional<Piece> FirstOpenIn(const Intent& intent, const Piece& piece, SplitKind kind,
                                 unsigned levels) {
  if (IsDone(intent, piece.path)) return std::nullopt;
  if (levels == 0) {
    const auto split = std::ranges::find(intent.splits, piece.path, &Split::path);
    if (split == intent.splits.end()) return piece;
    kind = split->kind;
    levels = split->bits;
  }
  for (const bool second : {false, true}) {
    if (auto found = FirstOpenIn(intent, HalfOf(piece, kind, second), kind, levels - 1)) {
      return found;
    }
  }
  return std::nullopt;
}

}  // namespace

std::string TokenOf(const Intent& intent, const Piece& piece) {
  return piece.path.empty() ? intent.token : intent.token + "/" + piece.path;
}

std::optional<Piece> FirstOpenPiece(const Intent& intent, std::size_t rows) {
  const Piece whole{.path = {}, .begin = 0, .end = rows, .hash_bits = 0, .remainder = 0};
  return FirstOpenIn(intent, whole, SplitKind::kRows, 0);
}

void SplitByRows(Intent& intent, const Piece& piece) {
  PENSTOCK_CHECK(piece.end > piece.begin, "a piece has rows");
  intent.splits.push_back({piece.path, SplitKind::kRows, 1});
}

void SplitByPartitions(Intent& intent, const Piece& piece, std::uint8_t bits) {
  intent.splits.push_back({piece.path, SplitKind::kPartitions, bits});
}

bool HasPartitionSplit(const Intent& intent) {
  return std::ranges::any_of(
      intent.splits, [](const Split& split) { return split.kind == SplitKind::kPartitions; });
}

void MarkDone(Intent& intent, std::string path) {
  for (; !path.empty(); path.pop_back()) {
    std::string other = path;
    other.back() = path.back() == '0' ? '1' : '0';
    if (std::erase(intent.done, other) == 0) break;
  }
  std::erase_if(intent.done, [&](const std::string& done) { return done.starts_with(path); });
  std::erase_if(intent.splits, [&](const Split& split) { return split.path.starts_with(path); });
  intent.done.push_back(std::move(path));
}

std::uint8_t PartitionBits(std::span<const std::uint64_t> hashes, unsigned skipped_bits,
                           std::size_t limit) {
  std::vector<std::uint64_t> partitions(hashes.begin(), hashes.end());
  std::ranges::sort(partitions);
  partitions.erase(std::ranges::unique(partitions).begin(), partitions.end());
  if (partitions.size() <= limit) return 0;
  std::uint8_t bits = 1;
  for (; bits < kMostSplitBits; ++bits) {
    std::vector<std::size_t> counts(std::size_t{1} << bits, 0);
    for (const std::uint64_t hash : partitions) {
      ++counts[(hash >> skipped_bits) & (counts.size() - 1)];
    }
    if (std::ranges::max(counts) <= limit) break;
  }
  return bits;
}

}  // namespace penstock::sink
