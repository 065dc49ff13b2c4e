#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/record_source.h"
#include "kafka/client.h"
#include "kafka/kafka_source.h"
#include "kafka/partition_table.h"
#include "kafka/queries.h"
#include "kafka/record_chunk.h"
#include "kafka/troubles.h"

namespace penstock::kafka {

/// The RecordSource of kafka_source.h.
///
/// librdkafka 2.0.2 loses or repeats records when a partition is paused, by us or by itself during
/// a rebalance, while a batch is being taken (fixed in 2.1 and 2.4). So its idea of where reading
/// stands is never used: this class counts what it delivered, and sets the offset again after every
/// pause.
class GroupConsumer final : public io::RecordSource {
 public:
  static Result<std::unique_ptr<GroupConsumer>> Open(SourceOptions options, const Clock& clock);
  ~GroupConsumer() override;
  GroupConsumer(const GroupConsumer&) = delete;
  GroupConsumer& operator=(const GroupConsumer&) = delete;

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
  using State = PartitionTable::State;

  GroupConsumer(SourceOptions options, const Clock& clock);
  Status Connect();
  Status SetToken();
  rd_kafka_t* client() const { return client_->get(); }

  // Membership: group_membership.cc.
  static void OnRebalance(rd_kafka_t* client, rd_kafka_resp_err_t what,
                          rd_kafka_topic_partition_list_t* partitions, void* self);
  void Assign(const rd_kafka_topic_partition_list_t& partitions);
  void Revoke(const rd_kafka_topic_partition_list_t& partitions);
  Status FinishRevoke();
  Status Hold(std::span<const io::OffsetToCommit> from);
  Status LetGo(const std::vector<std::int32_t>& partitions);
  bool LeaveGroup();
  bool ServeUntilAssigned(Clock::Time deadline);
  bool ServeUntilLeft(Clock::Time deadline);
  bool IsMember() const;

  // Records and troubles.
  static void OnError(rd_kafka_t* client, int code, const char* reason, void* self);
  static void OnTokenNeeded(rd_kafka_t* client, const char* config, void* self);
  static void OnLog(const rd_kafka_t* client, int level, const char* facility, const char* text);
  std::size_t TakeMessages(Clock::Time deadline);
  void Dispatch(std::size_t count);
  void Deliver(rd_kafka_message_t* message);
  void OnConsumerError(const rd_kafka_message_t& message);
  void ReachEnd(std::int32_t partition, Offset next);
  void Report(Error error);

  // Where librdkafka reads.
  void Seek(const std::vector<std::int32_t>& partitions);
  void SeekAllAfterRebalance();
  void RestartStalled();
  bool RestartOne(std::int32_t partition, Clock::Time deadline);

  const SourceOptions options_;
  const Clock& clock_;
  std::shared_ptr<Client> client_;
  QueueHandle queue_;
  std::optional<Queries> queries_;

  PartitionTable partitions_;
  std::vector<std::int32_t> revoking_;  ///< Of the revocation under way.
  std::size_t to_give_up_ = 0;          ///< How many of them the group still waits for.
  std::vector<std::int32_t> stalled_;   ///< librdkafka stopped: the offset does not exist.
  bool was_assigned_ = false;
  bool closing_ = false;
  bool closed_ = false;

  Troubles troubles_;
  std::optional<Error> lasting_;  ///< Told by librdkafka once, repeated by us.
  std::vector<io::SourceEvent> events_;
  std::vector<rd_kafka_message_t*> messages_;
  /// By partition: the chunk in events_ that takes its next record; only within Dispatch.
  std::vector<KafkaChunk*> open_chunks_;
};

}  // namespace penstock::kafka
