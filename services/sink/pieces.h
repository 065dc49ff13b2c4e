#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "model/shard_record.h"

namespace penstock::sink {

/// Rows of a block that are inserted together: those whose number is in [begin, end) and the
/// lowest `hash_bits` bits of whose partition's hash are `remainder`. A function of the intent's
/// splits, which is why a piece has the same rows under the same token after a crash too.
struct Piece {
  std::string path{};  ///< Empty: the whole block.
  std::size_t begin = 0;
  std::size_t end = 0;
  unsigned hash_bits = 0;
  std::uint64_t remainder = 0;

  bool TakesAllBetween() const { return hash_bits == 0; }
  bool TakesHash(std::uint64_t hash) const {
    return (hash & ((std::uint64_t{1} << hash_bits) - 1)) == remainder;
  }
};

/// `<token>` of the block, `<token>/<path>` of a piece.
std::string TokenOf(const Intent& intent, const Piece& piece);

/// The first piece, in the order of paths, that is neither split nor done; none: the block is.
/// `rows` is the number of the block's rows, those given up included.
std::optional<Piece> FirstOpenPiece(const Intent& intent, std::size_t rows);

/// Notes that the piece goes in two halves by number; of a single row the first has none.
void SplitByRows(Intent& intent, const Piece& piece);
/// Notes that it goes in 2^`bits` pieces by the hash of its rows' partitions.
void SplitByPartitions(Intent& intent, const Piece& piece, std::uint8_t bits);
bool HasPartitionSplit(const Intent& intent);

/// Notes that the rows of the piece need nothing more. What is done keeps few bytes: two halves
/// become one, and splits below it are forgotten.
void MarkDone(Intent& intent, std::string path);

/// How many halvings by hash it takes until no piece has rows of more than `limit` partitions, at
/// most kMostSplitBits; 0: there are no more. `hashes`: of the rows' partitions, in any order;
/// their `skipped_bits` lowest bits have served for earlier splits.
std::uint8_t PartitionBits(std::span<const std::uint64_t> hashes, unsigned skipped_bits,
                           std::size_t limit);

}  // namespace penstock::sink
