#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "io/record_source.h"
#include "sim/process.h"
#include "support/fake_record_source.h"

namespace penstock::sim {

/// Kafka as one process sees it over the simulated network. `check` is told of every commit that
/// Kafka has taken.
class RecordSource final : public io::RecordSource {
 public:
  RecordSource(Process& process, testing::FakeRecordSource& member, std::function<void()> check)
      : process_(process), member_(member), check_(std::move(check)) {}

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
  /// The record at that offset, as io::RecordFetcher.
  Result<std::unique_ptr<io::RecordChunk>> Fetch(testing::FakeKafka& kafka, std::int32_t partition,
                                                 Offset offset);
  /// A process that died leaves the group when its session ends.
  void Close() override {
    if (process_.alive()) member_.Close();
  }

 private:
  Process& process_;
  testing::FakeRecordSource& member_;
  const std::function<void()> check_;
};

}  // namespace penstock::sim
