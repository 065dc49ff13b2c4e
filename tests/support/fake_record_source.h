#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "io/record_source.h"
#include "model/ids.h"

namespace penstock::testing {

struct FakeRecord {
  std::string key = {};
  std::string value = {};
  std::int64_t timestamp_ms = 0;
  bool has_value = true;
  std::string headers_json = "{}";
};

class FakeRecordSource;

/// One topic and one consumer group in memory, with faults on demand: what tests drive the ingestor
/// with instead of Kafka. Deterministic: nothing happens but by a call, and no call waits. Behaves
/// as KafkaSource does (both pass support/record_source_conformance.h).
///
/// Members share the partitions out evenly; a joining or leaving member moves as few as possible,
/// and one that moves is assigned to the new member only after the old one gave it up. `Move` and
/// `Lose` script more.
///
/// Thread-safe: one mutex. Outlives its sources.
class FakeKafka {
 public:
  explicit FakeKafka(std::int32_t partitions, std::string topic = "topic");
  ~FakeKafka();
  FakeKafka(const FakeKafka&) = delete;
  FakeKafka& operator=(const FakeKafka&) = delete;

  /// A new member; the rebalance that it causes comes to the members with their next Polls. At most
  /// `records_a_poll` records come at once. To destroy one is to leave.
  std::unique_ptr<FakeRecordSource> Join(std::size_t records_a_poll = 1000);

  // The topic.
  Offset Append(std::int32_t partition, FakeRecord record);
  /// Takes up offsets without a record: control records, compaction.
  void AppendGap(std::int32_t partition, std::int64_t offsets);
  /// Compaction: the record goes, its offset stays a gap.
  void Compact(std::int32_t partition, Offset offset);
  /// Retention: everything below goes.
  void DeleteBefore(std::int32_t partition, Offset offset);
  /// Deletes the topic and makes it again, empty, with as many partitions; commits stay.
  void MakeAnew();
  void AddPartitions(std::int32_t to_partitions);
  io::Watermarks Marks(std::int32_t partition) const;
  /// As io::RecordFetcher::Fetch.
  Result<std::unique_ptr<io::RecordChunk>> Fetch(std::int32_t partition, Offset offset) const;

  // The group's commits.
  std::optional<io::CommittedOffset> Committed(std::int32_t partition) const;
  /// As an operator resets them.
  void SetCommitted(std::int32_t partition, std::optional<io::CommittedOffset> committed);
  std::int64_t Lag() const;

  // Faults.
  /// The next commits fail with these errors, in order. `applied`: but are there all the same.
  void FailNextCommit(Error error, bool applied = false);
  /// Questions and commits fail with "unavailable", nothing is delivered, until it is back.
  void SetReachable(bool reachable);
  /// Every Poll of every member reports it once.
  void ReportTrouble(Error error);

  // The group.
  /// The partition goes to this member, as in a rebalance.
  void Move(std::int32_t partition, const FakeRecordSource& to);
  /// The member's session ends: its partitions are lost and go to the others; if there is none, or
  /// `comes_back`, it joins again with its next Poll.
  void Lose(FakeRecordSource& member, bool comes_back = true);
  std::size_t members() const;
  /// The member that has the partition, may commit it, or still has to give it up.
  const FakeRecordSource* OwnerOf(std::int32_t partition) const;

 private:
  friend class FakeRecordSource;

  struct Log {
    std::map<std::int64_t, std::shared_ptr<const FakeRecord>> records;
    std::int64_t low = 0;
    std::int64_t end = 0;
    std::optional<io::CommittedOffset> committed;
    FakeRecordSource* owner = nullptr;
    /// Who gets it as soon as the owner has given it up.
    FakeRecordSource* next_owner = nullptr;
  };
  struct CommitFault {
    Error error;
    bool applied;
  };

  Log& At(std::int32_t partition);
  const Log& At(std::int32_t partition) const;
  void Rebalance();
  void MoveLocked(std::int32_t partition, FakeRecordSource* to);
  void Grant(std::int32_t partition, FakeRecordSource* to);
  void Drop(FakeRecordSource& member, bool lost);

  mutable std::mutex mutex_;
  const std::string topic_;
  std::vector<Log> logs_;
  std::vector<FakeRecordSource*> members_;  ///< In the order in which they joined.
  std::deque<CommitFault> commit_faults_;
  bool reachable_ = true;
};

/// A member of FakeKafka's group. Poll returns at once, whatever its deadline.
class FakeRecordSource final : public io::RecordSource {
 public:
  ~FakeRecordSource() override;
  FakeRecordSource(const FakeRecordSource&) = delete;
  FakeRecordSource& operator=(const FakeRecordSource&) = delete;

  std::vector<io::SourceEvent> Poll(Clock::Time deadline) override;
  Status StartReading(std::span<const io::OffsetToCommit> from) override;
  Status GiveUp(std::span<const std::int32_t> partitions) override;
  Status Pause(std::span<const std::int32_t> partitions) override;
  Status Resume(std::span<const std::int32_t> partitions) override;
  Result<std::vector<std::optional<io::CommittedOffset>>> Committed(
      std::span<const std::int32_t> partitions, Clock::Time deadline) override;
  Status Commit(std::span<const io::OffsetToCommit> offsets, Clock::Time deadline) override;
  Result<io::Watermarks> QueryWatermarks(std::int32_t partition, Clock::Time deadline) override;
  Result<Offset> OffsetAtTime(std::int32_t partition, std::int64_t timestamp_ms,
                              Clock::Time deadline) override;
  Result<std::int32_t> PartitionCount(Clock::Time deadline) override;
  std::optional<Offset> KnownEnd(std::int32_t partition) override;
  void Close() override;

 private:
  friend class FakeKafka;

  enum class State : std::uint8_t { kAssigned, kReading, kRevoked };
  struct Held {
    State state = State::kAssigned;
    bool paused = false;
    std::int64_t next = 0;
    std::optional<std::int64_t> told_end;
    bool told_out_of_range = false;
  };

  FakeRecordSource(FakeKafka& kafka, std::size_t records_a_poll);
  void Tell(io::SourceEvent event);
  void Read(std::int32_t partition, Held& held, std::size_t& room);
  bool IsWithinRange(std::int32_t partition, Held& held);

  FakeKafka& kafka_;
  const std::size_t records_a_poll_;
  std::map<std::int32_t, Held> held_;
  std::map<std::int32_t, std::int64_t> known_ends_;
  std::vector<io::SourceEvent> events_;
  bool joined_ = true;
  bool closed_ = false;
};

}  // namespace penstock::testing
