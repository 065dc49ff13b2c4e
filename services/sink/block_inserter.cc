#include "sink/block_inserter.h"

#include <algorithm>
#include <utility>

#include "base/patience.h"
#include "base/planted_bug.h"
#include "telemetry/log.h"

namespace penstock::sink {

namespace {

using clickhouse::ErrorClass;

// ClickHouse's default, for a message that does not tell the limit.
constexpr std::size_t kUsualPartitions = 100;
// How far clocks of two machines may differ without harm.
constexpr std::chrono::hours kLeastInheritedAge{1};
// Hashes have 64 bits; this leaves room for one more split.
constexpr unsigned kMostHashBits = 48;

// Releases what it acquired, whichever way the scope ends.
class Turn {
 public:
  explicit Turn(std::counting_semaphore<>& semaphore) : semaphore_(semaphore) {
    semaphore_.acquire();
  }
  ~Turn() { semaphore_.release(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  std::counting_semaphore<>& semaphore_;
};

}  // namespace

BlockInserter::BlockInserter(std::chrono::milliseconds first_retry, Parts parts, Block& block,
                             std::stop_token stop)
    : first_retry_(first_retry),
      parts_(parts),
      block_(block),
      stop_(std::move(stop)),
      started_(parts.clock.Now()),
      waiting_(parts.metrics),
      waiting_for_rows_(parts.metrics),
      unanswered_(parts.brake) {}

Status BlockInserter::Run() {
  PENSTOCK_RETURN_IF_ERROR(SendInheritedLetters());
  while (const auto piece = FirstOpenPiece(block_.intent, block_.rows)) {
    PENSTOCK_RETURN_IF_ERROR(InsertPiece(*piece));
  }
  return Done{};
}

// The process that recorded them may have died before it sent them.
Status BlockInserter::SendInheritedLetters() {
  if (block_.intent.given_up.empty()) return Done{};
  PENSTOCK_ASSIGN_OR_RETURN(std::vector<DeadLetter> letters,
                            parts_.table.Letters(block_, block_.intent.given_up));
  for (DeadLetter& letter : letters) {
    const bool refused = letter.code != 0;
    letter.reason = refused ? DeadLetterReason::kSinkRejection : DeadLetterReason::kMappingError;
    letter.error = fmt::format("{} before a restart of the sink, which has not kept the sentence",
                               refused ? "ClickHouse refused the row" : "the row was given up");
    if (refused) letter.code_name = clickhouse::CodeName(letter.code, {});
  }
  return Record(std::move(letters));
}

Status BlockInserter::InsertPiece(const Piece& piece) {
  PENSTOCK_ASSIGN_OR_RETURN(PreparedBlock prepared, Prepare(piece));
  history_ = {.unanswered = MaybeApplied(piece)};
  backoff_.reset();
  if (history_.unanswered) unanswered_.Begin();
  PENSTOCK_RETURN_IF_ERROR(WaitForBrake());
  if (prepared.rows > 0 && IsBelowALoss(piece)) {
    PENSTOCK_ASSIGN_OR_RETURN(const std::size_t missing, CountMissing(piece));
    if (missing == 0) prepared.rows = 0;
    if (missing < prepared.rows && BitsToOnePartition(piece) > 0) {
      return SendAgain(piece, missing);
    }
  }
  const std::string token = TokenOf(block_.intent, piece);
  while (prepared.rows > 0) {
    const Clock::Time started = parts_.clock.Now();
    const auto trouble = parts_.table.Insert(prepared, token, stop_);
    if (!trouble) {
      ++parts_.inserted;
      parts_.brake.Inserted();
      if (history_.unanswered) {
        PENSTOCK_ASSIGN_OR_RETURN(const std::size_t missing, CountMissing(piece));
        if (missing > 0) return SendAgain(piece, missing);
      }
      parts_.metrics.Inserted(prepared, parts_.clock.Now() - started);
      parts_.metrics.Latency(prepared);
      break;
    }
    if (stop_.stop_requested()) return kStopped;
    history_.rows = prepared.rows;
    Note(*trouble);
    PENSTOCK_ASSIGN_OR_RETURN(const Fate fate, React(piece, *trouble, prepared));
    if (fate == Fate::kSettled) {
      unanswered_.End();
      return KeepPace(*trouble);
    }
  }
  waiting_.End();
  unanswered_.End();
  if (IsPlanted(PlantedBug::kInsertBeforeIntent) && !block_.recorded) {
    PENSTOCK_RETURN_IF_ERROR(Record({}));
  }
  // Recorded with the next write: until then a repeat is dropped by its token.
  MarkDone(block_.intent, piece.path);
  return Done{};
}

// Converts the piece once the table is known, however long that takes. The intent comes before
// the first insert: a process that dies after it finds it, and sends the same rows again.
Result<PreparedBlock> BlockInserter::Prepare(const Piece& piece) {
  PENSTOCK_RETURN_IF_ERROR(DescribeTable(false));
  while (!piece.TakesAllBetween() && block_.partition_hashes.empty()) {
    if (const auto trouble = LearnPartitions()) PENSTOCK_RETURN_IF_ERROR(Pause(*trouble));
  }
  PENSTOCK_ASSIGN_OR_RETURN(PreparedBlock prepared, Convert(piece));
  const bool must_be_recorded = !block_.recorded && !IsPlanted(PlantedBug::kInsertBeforeIntent);
  if (must_be_recorded || !prepared.bad_rows.empty()) {
    PENSTOCK_RETURN_IF_ERROR(Record(std::exchange(prepared.bad_rows, {})));
  }
  return prepared;
}

Result<PreparedBlock> BlockInserter::Convert(const Piece& piece) {
  const Turn turn(parts_.converting);
  return parts_.table.Prepare(block_, piece);
}

Status BlockInserter::DescribeTable(bool refresh) {
  while (const auto trouble = parts_.table.Describe(refresh, stop_)) {
    parts_.metrics.Refused(*trouble);
    PENSTOCK_RETURN_IF_ERROR(Pause(*trouble));
  }
  return Done{};
}

Status BlockInserter::Record(std::vector<DeadLetter> given_up) {
  if (!parts_.owner.Record(block_, std::move(given_up))) return kStopped;
  return Done{};
}

// Every attempt of this process at what is below a split that it made began after the split; what
// the split replaced is certain by then, or counted.
bool BlockInserter::MaybeApplied(const Piece& piece) const {
  if (!block_.inherited) return false;
  return std::ranges::none_of(
      split_here_, [&](const std::string& path) { return piece.path.starts_with(path); });
}

void BlockInserter::Note(const TableTrouble& trouble) {
  parts_.metrics.InsertFailed(trouble);
  history_.unanswered |= !trouble.answered;
  if (history_.unanswered) unanswered_.Begin();
  if (trouble.error_class == ErrorClass::kMemory) {
    ++history_.memory_refusals;
    parts_.sizer.TooLittleMemory(parts_.clock.Now());
  }
  if (trouble.error_class == ErrorClass::kPressure) parts_.sizer.TooManyParts(parts_.clock.Now());
  parts_.metrics.BlockScale(parts_.sizer.Scale(parts_.clock.Now()));
  if (trouble.error_class != ErrorClass::kUnknown) return;
  const std::uint64_t inserted = parts_.inserted;
  UnknownCode& code = unknown_codes_.try_emplace(trouble.code, 0, inserted).first->second;
  history_.block_unknown_refusals = ++code.refusals;
  ++history_.unknown_refusals;
  history_.others_inserted = inserted > code.inserted_before;
}

Result<BlockInserter::Fate> BlockInserter::React(const Piece& piece, const TableTrouble& trouble,
                                                 PreparedBlock& prepared) {
  switch (NextStep(trouble, history_)) {
    case Step::kRetry:
      PENSTOCK_RETURN_IF_ERROR(Pause(trouble));
      return Fate::kOpen;
    case Step::kDescribe: {
      PENSTOCK_RETURN_IF_ERROR(Pause(trouble));
      PENSTOCK_RETURN_IF_ERROR(DescribeTable(true));
      PENSTOCK_RETURN_IF_ERROR(MadeAnew(piece, prepared));
      return Fate::kOpen;
    }
    case Step::kHalve:
      return Halve(piece, trouble, prepared);
    case Step::kPartition:
      return Partition(piece, trouble, prepared);
    case Step::kGiveUp:
      return GiveUp(piece, trouble, prepared);
  }
  return Fate::kOpen;
}

Status BlockInserter::KeepPace(const TableTrouble& refusal) {
  const Clock::Time now = parts_.clock.Now();
  const Clock::Duration wait = parts_.pace.Refused(now);
  if (wait == Clock::Duration::zero()) {
    waiting_for_rows_.End();
    return Done{};
  }
  waiting_for_rows_.ForRows(refusal, wait);
  if (!WaitUntil(now + wait, stop_)) return kStopped;
  return Done{};
}

Result<bool> BlockInserter::MadeAnew(const Piece& piece, PreparedBlock& prepared) {
  if (parts_.table.version() == prepared.table_version) return false;
  prepared = {};
  PENSTOCK_ASSIGN_OR_RETURN(prepared, Prepare(piece));
  return true;
}

// Rows may be refused because the table has changed since they were converted: then it is not
// them. One look for each block tells.
Result<BlockInserter::Fate> BlockInserter::Halve(const Piece& piece, const TableTrouble& trouble,
                                                 PreparedBlock& prepared) {
  if (trouble.error_class == ErrorClass::kData && !std::exchange(looked_at_table_, true)) {
    PENSTOCK_RETURN_IF_ERROR(DescribeTable(true));
    PENSTOCK_ASSIGN_OR_RETURN(const bool anew, MadeAnew(piece, prepared));
    if (anew) return Fate::kOpen;
  }
  const bool refused_before_writing =
      trouble.error_class == ErrorClass::kData || trouble.error_class == ErrorClass::kSplit;
  if (history_.unanswered && !refused_before_writing) {
    parts_.metrics.PossibleRepeats(prepared.rows);
  }
  SplitByRows(block_.intent, piece);
  PENSTOCK_RETURN_IF_ERROR(RecordSplit(piece, SplitKind::kRows));
  return Fate::kSettled;
}

Result<BlockInserter::Fate> BlockInserter::Partition(const Piece& piece,
                                                     const TableTrouble& trouble,
                                                     PreparedBlock& prepared) {
  if (partitions_unknown_) return Halve(piece, trouble, prepared);
  if (const auto unlearnt = LearnPartitions()) {
    if (unlearnt->error_class == ErrorClass::kTransient) {
      PENSTOCK_RETURN_IF_ERROR(Pause(*unlearnt));
      return Fate::kOpen;
    }
    parts_.metrics.PartitionsUnknown(*unlearnt);
    partitions_unknown_ = true;
    return Halve(piece, trouble, prepared);
  }
  const std::uint8_t bits = PartitionBitsOf(piece, trouble);
  // No bits: by these hashes there is nothing to split, whatever the server says.
  if (bits == 0 || piece.hash_bits + bits > kMostHashBits) return Halve(piece, trouble, prepared);
  SplitByPartitions(block_.intent, piece, bits);
  PENSTOCK_RETURN_IF_ERROR(RecordSplit(piece, SplitKind::kPartitions));
  return Fate::kSettled;
}

std::uint8_t BlockInserter::PartitionBitsOf(const Piece& piece, const TableTrouble& trouble) const {
  std::vector<std::uint64_t> hashes;
  for (std::size_t number = piece.begin; number < piece.end; ++number) {
    const std::uint64_t hash = block_.partition_hashes[number];
    if (piece.TakesHash(hash)) hashes.push_back(hash);
  }
  const std::size_t limit = trouble.limit > 0 ? trouble.limit : kUsualPartitions;
  return PartitionBits(hashes, piece.hash_bits, limit);
}

// A split that is recorded stays what it was, whatever the table is partitioned by since.
std::optional<TableTrouble> BlockInserter::LearnPartitions() {
  if (!block_.partition_hashes.empty()) return std::nullopt;
  std::string& key = block_.intent.partition_key;
  if (!HasPartitionSplit(block_.intent)) key = parts_.table.PartitionKey();
  auto trouble = parts_.table.HashPartitions(block_, key, block_.partition_hashes, stop_);
  if (trouble && !HasPartitionSplit(block_.intent)) key.clear();
  return trouble;
}

Status BlockInserter::RecordSplit(const Piece& piece, SplitKind kind) {
  parts_.metrics.SplitBlock(kind);
  split_here_.push_back(piece.path);
  waiting_.End();
  return Record({});
}

Result<BlockInserter::Fate> BlockInserter::GiveUp(const Piece& piece, const TableTrouble& trouble,
                                                  PreparedBlock& prepared) {
  const GivenUp row{prepared.first_origin, prepared.first_offset, trouble.code};
  PENSTOCK_ASSIGN_OR_RETURN(std::vector<DeadLetter> letters,
                            parts_.table.Letters(block_, std::span(&row, 1)));
  for (DeadLetter& letter : letters) {
    letter.reason = DeadLetterReason::kSinkRejection;
    letter.error = trouble.message;
    letter.column = trouble.column;
    letter.code_name = trouble.code_name;
  }
  // Done and given up go into the record with one write.
  MarkDone(block_.intent, piece.path);
  waiting_.End();
  PENSTOCK_RETURN_IF_ERROR(Record(std::move(letters)));
  return Fate::kSettled;
}

// When the first attempt at a piece without an answer was at the earliest. One of another process
// was after its messages were made, but clocks differ.
std::chrono::seconds BlockInserter::OldestAttempt() const {
  using std::chrono::ceil;
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  const auto here = ceil<seconds>(parts_.clock.Now() - started_);
  if (!block_.inherited) return here;
  std::int64_t created_ms = parts_.clock.WallMs();
  for (const Slice& slice : block_.slices) {
    created_ms = std::min(created_ms, slice.message->envelope.created_ms);
  }
  const auto age = ceil<seconds>(milliseconds(parts_.clock.WallMs() - created_ms));
  return here + std::max<seconds>(age, kLeastInheritedAge);
}

Result<std::size_t> BlockInserter::CountMissing(const Piece& piece) {
  std::size_t missing = 0;
  while (const auto trouble =
             parts_.table.CountMissing(block_, piece, OldestAttempt(), missing, stop_)) {
    const bool passes = trouble->error_class == ErrorClass::kTransient ||
                        trouble->error_class == ErrorClass::kMemory ||
                        trouble->error_class == ErrorClass::kPressure;
    if (!passes) {
      parts_.metrics.LossUnknown(*trouble);
      return 0;
    }
    PENSTOCK_RETURN_IF_ERROR(Pause(*trouble));
  }
  return missing;
}

bool BlockInserter::IsBelowALoss(const Piece& piece) const {
  return std::ranges::any_of(lost_,
                             [&](const std::string& path) { return piece.path.starts_with(path); });
}

std::uint8_t BlockInserter::BitsToOnePartition(const Piece& piece) {
  if (parts_.table.PartitionKey().empty() || LearnPartitions()) return 0;
  TableTrouble one_partition;
  one_partition.limit = 1;
  const std::uint8_t bits = PartitionBitsOf(piece, one_partition);
  return piece.hash_bits + bits > kMostHashBits ? std::uint8_t{0} : bits;
}

// A partition's rows are one part: all of them are there, or none. Of several partitions some may
// be there, and are told apart before they are sent.
Status BlockInserter::SendAgain(const Piece& piece, std::size_t missing) {
  parts_.metrics.RowsLost(missing);
  unanswered_.End();
  if (const std::uint8_t bits = BitsToOnePartition(piece); bits > 0) {
    lost_.push_back(piece.path);
    SplitByPartitions(block_.intent, piece, bits);
    return RecordSplit(piece, SplitKind::kPartitions);
  }
  SplitByRows(block_.intent, piece);
  return RecordSplit(piece, SplitKind::kRows);
}

// An insert that may be in the table already goes on being tried; others must not make the table
// forget it.
Status BlockInserter::WaitForBrake() {
  parts_.brake.SetWindow(parts_.table.Window());
  if (history_.unanswered || !parts_.brake.pressed()) return Done{};
  TableTrouble trouble;
  trouble.message =
      "the answer of an earlier insert is missing, and the table will soon have forgotten it: new "
      "blocks wait until it is settled. A larger deduplication window would spare that.";
  waiting_.For(trouble);
  if (!parts_.brake.WaitUntilFree(stop_)) return kStopped;
  waiting_.End();
  return Done{};
}

Status BlockInserter::Pause(const TableTrouble& trouble) {
  if (stop_.stop_requested()) return kStopped;
  if (!backoff_ || backoff_class_ != trouble.error_class) {
    backoff_ = BackoffFor(trouble.error_class, first_retry_);
    backoff_class_ = trouble.error_class;
  }
  waiting_.For(trouble);
  if (!WaitUntil(parts_.clock.Now() + backoff_->Next(), stop_)) return kStopped;
  return Done{};
}

}  // namespace penstock::sink
