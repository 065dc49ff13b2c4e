#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <semaphore>
#include <stop_token>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "base/clock.h"
#include "sink/bisect_pace.h"
#include "sink/block_owner.h"
#include "sink/block_sizer.h"
#include "sink/fault_policy.h"
#include "sink/sink_metrics.h"
#include "sink/table_writer.h"
#include "sink/token_brake.h"

namespace penstock::sink {

/// Brings one block into the table: whole, or in the pieces into which the server's refusals split
/// it. Every attempt at a piece has the same rows and token. A split is in the shard's record
/// before its pieces are sent, and a row is given up there before its dead letter goes: another
/// process that takes the block over does what is left, and nothing twice.
///
/// One thread, for as long as the table takes; only the stop ends it before.
class BlockInserter {
 public:
  struct Parts {
    TableWriter& table;
    BlockOwner& owner;
    const Clock& clock;
    SinkMetrics& metrics;
    BlockSizer& sizer;
    BisectPace& pace;
    std::counting_semaphore<>& converting;  ///< How many may convert at a time.
    std::atomic<std::uint64_t>& inserted;   ///< Inserts of all blocks that went through.
    TokenBrake& brake;
  };

  BlockInserter(std::chrono::milliseconds first_retry, Parts parts, Block& block,
                std::stop_token stop);

  /// Returns when every row is in the table or given up. Code "stopped": after the stop; another:
  /// the block cannot be read.
  Status Run();

 private:
  enum class Fate : std::uint8_t { kOpen, kSettled };

  Status SendInheritedLetters();
  Status InsertPiece(const Piece& piece);
  Result<PreparedBlock> Prepare(const Piece& piece);
  Result<PreparedBlock> Convert(const Piece& piece);
  Status DescribeTable(bool refresh);
  Status Record(std::vector<DeadLetter> given_up);

  void Note(const TableTrouble& trouble);
  /// Does what the policy says. kOpen: try the piece again; kSettled: it was split or given up.
  Result<Fate> React(const Piece& piece, const TableTrouble& trouble, PreparedBlock& prepared);
  /// Before the next piece, after one that was split or given up.
  Status KeepPace(const TableTrouble& refusal);
  Result<Fate> Halve(const Piece& piece, const TableTrouble& trouble, PreparedBlock& prepared);
  Result<Fate> Partition(const Piece& piece, const TableTrouble& trouble, PreparedBlock& prepared);
  Result<Fate> GiveUp(const Piece& piece, const TableTrouble& trouble, PreparedBlock& prepared);
  /// Makes the piece anew if the table is another one than it was made for.
  Result<bool> MadeAnew(const Piece& piece, PreparedBlock& prepared);
  std::optional<TableTrouble> LearnPartitions();
  std::uint8_t PartitionBitsOf(const Piece& piece, const TableTrouble& trouble) const;
  Status RecordSplit(const Piece& piece, SplitKind kind);

  bool MaybeApplied(const Piece& piece) const;
  Status Pause(const TableTrouble& trouble);
  Status WaitForBrake();
  Result<std::size_t> CountMissing(const Piece& piece);
  std::chrono::seconds OldestAttempt() const;
  /// Whether it is of a block of which the table has some partitions, and not others.
  bool IsBelowALoss(const Piece& piece) const;
  /// Splits it, so that its rows go under other tokens.
  Status SendAgain(const Piece& piece, std::size_t missing);
  /// Halvings until each piece is of one partition; 0: it is, as far as can be known.
  std::uint8_t BitsToOnePartition(const Piece& piece);

  const std::chrono::milliseconds first_retry_;
  const Parts parts_;
  Block& block_;
  const std::stop_token stop_;

  struct UnknownCode {
    int refusals = 0;
    std::uint64_t inserted_before = 0;  // Of the pool, when it came first.
  };
  std::map<int, UnknownCode> unknown_codes_;
  const Clock::Time started_;
  std::vector<std::string> lost_;        // Paths of which the table has lost some partitions.
  std::vector<std::string> split_here_;  // Paths: attempts at what is below began in this process.
  PieceHistory history_;                 // Of the piece in hand.
  bool looked_at_table_ = false;         // Since rows of the block were first refused.
  bool partitions_unknown_ = false;      // The server could not tell them.
  std::optional<Backoff> backoff_;
  clickhouse::ErrorClass backoff_class_{};
  SinkMetrics::Waiting waiting_;
  SinkMetrics::Waiting waiting_for_rows_;  // From piece to piece, until none has to.
  TokenBrake::Unanswered unanswered_;      // While the piece in hand may have been applied.
};

}  // namespace penstock::sink
