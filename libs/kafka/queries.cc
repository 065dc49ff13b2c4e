#include "kafka/queries.h"

#include <cstdlib>
#include <cstring>
#include <utility>

#include "kafka/kafka_errors.h"

namespace penstock::kafka {
namespace {

/// Metadata belongs to the list, which frees it.
void SetMetadata(rd_kafka_topic_partition_t& element, const std::string& metadata) {
  if (metadata.empty()) return;
  element.metadata = std::malloc(metadata.size());
  PENSTOCK_CHECK(element.metadata != nullptr, "out of memory");
  std::memcpy(element.metadata, metadata.data(), metadata.size());
  element.metadata_size = metadata.size();
}

}  // namespace

Queries::Queries(rd_kafka_t* client, std::string topic, std::string group, const Clock& clock)
    : client_(client), topic_(std::move(topic)), group_(std::move(group)), clock_(clock) {}

std::string Queries::Where(std::int32_t partition) const {
  return fmt::format("topic '{}' partition {}", topic_, partition);
}

Result<std::vector<std::optional<io::CommittedOffset>>> Queries::Committed(
    std::span<const std::int32_t> partitions, Clock::Time deadline) {
  const std::string what = fmt::format("committed offsets of group '{}'", group_);
  const PartitionList list = MakeList(topic_, partitions);
  const rd_kafka_resp_err_t failed =
      rd_kafka_committed(client_, list.get(), MillisUntil(deadline, clock_));
  if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) return FromKafka(failed, what);
  std::vector<std::optional<io::CommittedOffset>> committed;
  for (const rd_kafka_topic_partition_t& element : ElementsOf(*list)) {
    if (element.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return FromKafka(element.err, fmt::format("{}, {}", what, Where(element.partition)));
    }
    if (element.offset < 0) {
      committed.emplace_back();
      continue;
    }
    committed.push_back(io::CommittedOffset{
        .next = Offset(element.offset),
        .metadata = std::string(static_cast<const char*>(element.metadata),
                                element.metadata == nullptr ? 0 : element.metadata_size)});
  }
  return committed;
}

Status Queries::Commit(std::span<const io::OffsetToCommit> offsets, Clock::Time deadline) {
  const std::string what = fmt::format("commit of offsets of group '{}'", group_);
  PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size())));
  for (const io::OffsetToCommit& offset : offsets) {
    rd_kafka_topic_partition_t* element =
        rd_kafka_topic_partition_list_add(list.get(), topic_.c_str(), offset.partition);
    element->offset = offset.next.rep();
    SetMetadata(*element, offset.metadata);
  }
  // A queue for each commit: an answer that comes after its deadline must not meet the next one.
  const QueueHandle answers(rd_kafka_queue_new(client_));
  const rd_kafka_resp_err_t failed =
      rd_kafka_commit_queue(client_, list.get(), answers.get(), nullptr, nullptr);
  if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) return FromKafka(failed, what);
  const EventHandle answer(rd_kafka_queue_poll(answers.get(), MillisUntil(deadline, clock_)));
  if (answer == nullptr) return FromKafka(RD_KAFKA_RESP_ERR__TIMED_OUT, what, "no answer in time");
  if (const rd_kafka_topic_partition_list_t* each =
          rd_kafka_event_topic_partition_list(answer.get());
      each != nullptr) {
    for (const rd_kafka_topic_partition_t& element : ElementsOf(*each)) {
      if (element.err == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
      return FromKafka(element.err, fmt::format("{}, {}", what, Where(element.partition)));
    }
  }
  const rd_kafka_resp_err_t error = rd_kafka_event_error(answer.get());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return FromKafka(error, what);
  return Done{};
}

/// The function of librdkafka that asks for both watermarks has no bound on its time, the one for
/// times has; Kafka itself takes -2 and -1 as times for the beginning and the end.
Result<std::int64_t> Queries::ListOffset(std::int32_t partition, std::int64_t time,
                                         Clock::Time deadline) {
  const PartitionList list = MakeList(topic_, std::span(&partition, 1));
  list->elems[0].offset = time;
  const rd_kafka_resp_err_t failed =
      rd_kafka_offsets_for_times(client_, list.get(), MillisUntil(deadline, clock_));
  const std::string what = fmt::format("offsets of {}", Where(partition));
  if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) return FromKafka(failed, what);
  if (list->elems[0].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return FromKafka(list->elems[0].err, what);
  }
  return list->elems[0].offset;
}

Result<io::Watermarks> Queries::QueryWatermarks(std::int32_t partition, Clock::Time deadline) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::int64_t low,
                            ListOffset(partition, RD_KAFKA_OFFSET_BEGINNING, deadline));
  PENSTOCK_ASSIGN_OR_RETURN(const std::int64_t high,
                            ListOffset(partition, RD_KAFKA_OFFSET_END, deadline));
  return io::Watermarks{.low = Offset(low), .high = Offset(std::max(low, high))};
}

Result<Offset> Queries::OffsetAtTime(std::int32_t partition, std::int64_t timestamp_ms,
                                     Clock::Time deadline) {
  PENSTOCK_ASSIGN_OR_RETURN(
      std::int64_t offset,
      ListOffset(partition, std::max<std::int64_t>(timestamp_ms, 0), deadline));
  if (offset >= 0) return Offset(offset);
  PENSTOCK_ASSIGN_OR_RETURN(offset, ListOffset(partition, RD_KAFKA_OFFSET_END, deadline));
  return Offset(offset);
}

Result<std::int32_t> Queries::PartitionCount(Clock::Time deadline) {
  const std::string what = fmt::format("partitions of topic '{}'", topic_);
  const TopicHandle topic(rd_kafka_topic_new(client_, topic_.c_str(), nullptr));
  if (topic == nullptr) return FromKafka(rd_kafka_last_error(), what);
  const rd_kafka_metadata_t* raw = nullptr;
  const rd_kafka_resp_err_t failed = rd_kafka_metadata(client_, /*all_topics=*/0, topic.get(), &raw,
                                                       MillisUntil(deadline, clock_));
  if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) return FromKafka(failed, what);
  const MetadataHandle metadata(raw);
  if (metadata->topic_cnt != 1) return FromKafka(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, what);
  const rd_kafka_metadata_topic_t& found = metadata->topics[0];
  if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) return FromKafka(found.err, what);
  return static_cast<std::int32_t>(found.partition_cnt);
}

}  // namespace penstock::kafka
