#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "io/record_source.h"
#include "support/fake_record_source.h"

namespace penstock::testing {

/// A topic of kPartitions partitions and a group, on a fake or on a real Kafka.
class RecordSourceWorld {
 public:
  static constexpr std::int32_t kPartitions = 4;

  virtual ~RecordSourceWorld() = default;
  virtual std::unique_ptr<io::RecordSource> Join() = 0;
  /// Returns when the records can be read.
  virtual void Append(std::int32_t partition, const std::vector<FakeRecord>& records) = 0;
  /// Takes up at least one offset without a record, as the end of a transaction does.
  virtual void AppendGap(std::int32_t partition) = 0;
  virtual void DeleteBefore(std::int32_t partition, Offset offset) = 0;
  virtual io::Watermarks Marks(std::int32_t partition) = 0;
  virtual std::optional<io::CommittedOffset> Committed(std::int32_t partition) = 0;
  /// How long a member polls before it is sure that nothing comes.
  virtual std::chrono::milliseconds Quiet() const = 0;
};

struct DeliveredRecord {
  std::int64_t offset;
  std::string key;
  std::string value;
  std::int64_t timestamp_ms;
  bool has_value;
};

/// A member that behaves as the ingestor does: starts at the committed offset, commits and gives up
/// when partitions are revoked. Each of that can be left to the test.
class TestMember {
 public:
  explicit TestMember(RecordSourceWorld& world) : source(world.Join()) {}

  /// One Poll and what follows from its events.
  void Step() {
    for (io::SourceEvent& event : source->Poll(Deadline(std::chrono::milliseconds(50)))) {
      std::visit([this](auto& known) { On(known); }, event);
    }
  }

  Status CommitAll() {
    std::vector<io::OffsetToCommit> offsets;
    for (const auto& [partition, offset] : next) {
      if (reading.contains(partition)) {
        offsets.push_back({.partition = partition, .next = Offset(offset), .metadata = {}});
      }
    }
    return source->Commit(offsets, Deadline(std::chrono::seconds(10)));
  }

  static Clock::Time Deadline(Clock::Duration from_now) { return SystemClock().Now() + from_now; }

  std::unique_ptr<io::RecordSource> source;
  bool start_when_assigned = true;
  bool give_up_when_revoked = true;
  bool may_be_refused = false;  ///< Commits, of a member that the group may have thrown out.
  std::map<std::int32_t, std::vector<DeliveredRecord>> records;
  std::map<std::int32_t, std::int64_t> next;  ///< What it would commit.
  std::map<std::int32_t, std::int64_t> ends;  ///< As ReachedEnd told.
  std::set<std::int32_t> assigned;            ///< And not revoked since.
  std::set<std::int32_t> reading;
  std::set<std::int32_t> to_give_up;
  std::vector<Error> troubles;
  int losses = 0;  ///< How often it was told that partitions are lost.

 private:
  void On(std::unique_ptr<io::RecordChunk>& chunk) {
    const std::int32_t partition = chunk->partition();
    EXPECT_TRUE(reading.contains(partition)) << "records of a partition that is not being read";
    for (const io::Record& record : chunk->records()) {
      records[partition].push_back({.offset = record.offset.rep(),
                                    .key = std::string(record.key),
                                    .value = std::string(record.value),
                                    .timestamp_ms = record.timestamp_ms,
                                    .has_value = record.has_value});
      next[partition] = record.offset.rep() + 1;
    }
  }

  void On(const io::Assigned& event) {
    assigned.insert(event.partitions.begin(), event.partitions.end());
    if (start_when_assigned) StartAtCommitted(event.partitions);
  }

  void StartAtCommitted(const std::vector<std::int32_t>& partitions) {
    auto committed = source->Committed(partitions, Deadline(std::chrono::seconds(10)));
    ASSERT_TRUE(committed.ok()) << committed.error().detail;
    std::vector<io::OffsetToCommit> from;
    for (std::size_t i = 0; i < partitions.size(); ++i) {
      const auto& offset = committed.value()[i];
      from.push_back(
          {.partition = partitions[i], .next = offset ? offset->next : Offset(0), .metadata = {}});
      next[partitions[i]] = from.back().next.rep();
    }
    const Status started = source->StartReading(from);
    ASSERT_TRUE(started.ok()) << started.error().detail;
    reading.insert(partitions.begin(), partitions.end());
  }

  void On(const io::Revoked& event) {
    if (event.lost) ++losses;
    for (const std::int32_t partition : event.partitions) {
      assigned.erase(partition);
      to_give_up.insert(partition);
    }
    if (give_up_when_revoked) GiveUp(event.lost);
    for (const std::int32_t partition : event.partitions) reading.erase(partition);
  }

  void GiveUp(bool lost) {
    if (!lost) {
      const Status committed = CommitAll();
      const bool refused = !committed.ok() && committed.error().code == "refused_commit";
      EXPECT_TRUE(committed.ok() || (refused && may_be_refused)) << committed.error().detail;
    }
    const Status given =
        source->GiveUp(std::vector<std::int32_t>(to_give_up.begin(), to_give_up.end()));
    EXPECT_TRUE(given.ok()) << given.error().detail;
    to_give_up.clear();
  }

  void On(const io::ReachedEnd& event) {
    ends[event.partition] = event.next.rep();
    next[event.partition] = event.next.rep();
  }
  void On(const io::SourceTrouble& event) { troubles.push_back(event.error); }
};

}  // namespace penstock::testing
