#include "sim/record_source.h"

#include <algorithm>

#include "base/wait.h"

namespace penstock::sim {

namespace {

using Kind = Process::Kind;

template <typename T>
std::vector<T> Copy(std::span<const T> values) {
  return {values.begin(), values.end()};
}

}  // namespace

std::vector<io::SourceEvent> RecordSource::Poll(Clock::Time deadline) {
  if (!process_.alive()) {
    WaitUntil(deadline, {});
    return {};
  }
  std::vector<io::SourceEvent> events = member_.Poll(deadline);
  if (!events.empty()) return events;
  const Clock::Duration left = deadline - SystemClock().Now();
  process_.Wait(left * static_cast<Clock::Duration::rep>(Below(8) + 1) / 8);
  if (!process_.alive()) return {};
  return member_.Poll(deadline);
}

Status RecordSource::StartReading(std::span<const io::OffsetToCommit> from) {
  return process_.alive() ? member_.StartReading(from) : Process::Unavailable();
}

Status RecordSource::GiveUp(std::span<const std::int32_t> partitions) {
  return process_.alive() ? member_.GiveUp(partitions) : Process::Unavailable();
}

Status RecordSource::Pause(std::span<const std::int32_t> partitions) {
  return process_.alive() ? member_.Pause(partitions) : Process::Unavailable();
}

Status RecordSource::Resume(std::span<const std::int32_t> partitions) {
  return process_.alive() ? member_.Resume(partitions) : Process::Unavailable();
}

Result<std::vector<std::optional<io::CommittedOffset>>> RecordSource::Committed(
    std::span<const std::int32_t> partitions, Clock::Time deadline) {
  return process_.Call<std::vector<std::optional<io::CommittedOffset>>>(
      Kind::kRead, [this, partitions = Copy(partitions), deadline] {
        return member_.Committed(partitions, deadline);
      });
}

// Not late: a broker takes what comes on one connection in order, and a commit of an earlier
// connection belongs to an earlier membership.
Status RecordSource::Commit(std::span<const io::OffsetToCommit> offsets, Clock::Time deadline) {
  return process_.Call<Done>(Kind::kOrderedWrite,
                             [this, offsets = Copy(offsets), deadline]() -> Status {
                               PENSTOCK_RETURN_IF_ERROR(member_.Commit(offsets, deadline));
                               check_();
                               return Done{};
                             });
}

Result<io::Watermarks> RecordSource::QueryWatermarks(std::int32_t partition, Clock::Time deadline) {
  return process_.Call<io::Watermarks>(Kind::kRead, [this, partition, deadline] {
    return member_.QueryWatermarks(partition, deadline);
  });
}

Result<Offset> RecordSource::OffsetAtTime(std::int32_t partition, std::int64_t timestamp_ms,
                                          Clock::Time deadline) {
  return process_.Call<Offset>(Kind::kRead, [this, partition, timestamp_ms, deadline] {
    return member_.OffsetAtTime(partition, timestamp_ms, deadline);
  });
}

Result<std::int32_t> RecordSource::PartitionCount(Clock::Time deadline) {
  return process_.Call<std::int32_t>(Kind::kRead,
                                     [this, deadline] { return member_.PartitionCount(deadline); });
}

Result<std::unique_ptr<io::RecordChunk>> RecordSource::Fetch(testing::FakeKafka& kafka,
                                                             std::int32_t partition,
                                                             Offset offset) {
  PENSTOCK_RETURN_IF_ERROR(process_.Call<Done>(Kind::kRead, [] { return Done{}; }));
  return kafka.Fetch(partition, offset);
}

std::optional<Offset> RecordSource::KnownEnd(std::int32_t partition) {
  return member_.KnownEnd(partition);
}

}  // namespace penstock::sim
