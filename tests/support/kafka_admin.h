#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/record_source.h"
#include "model/ids.h"

namespace penstock::testing {

struct ProducedRecord {
  std::optional<std::string> key = {};
  std::optional<std::string> value = {};  ///< Nothing: a tombstone.
  std::int64_t timestamp_ms = 0;          ///< 0: now.
  std::vector<std::pair<std::string, std::string>> headers = {};
};

/// Writes records to a real Kafka. `settings` are librdkafka's ("compression.type"). Everything
/// here throws std::runtime_error when Kafka does not do what was asked. One thread.
class KafkaProducer {
 public:
  explicit KafkaProducer(const std::string& brokers,
                         const std::map<std::string, std::string>& settings = {});
  ~KafkaProducer();
  KafkaProducer(const KafkaProducer&) = delete;
  KafkaProducer& operator=(const KafkaProducer&) = delete;

  /// Sends in the background; waits only when librdkafka's queue is full.
  void Send(const std::string& topic, std::int32_t partition, const ProducedRecord& record);
  /// Waits until everything is acknowledged.
  void Flush();

  // With the setting "transactional.id". `Begin` also makes the first transaction possible.
  void BeginTransaction();
  void CommitTransaction();
  void AbortTransaction();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// What tests need of a real Kafka besides the consumer: topics, records, committed offsets. Throws
/// std::runtime_error when Kafka does not do what was asked; waits for it at most 30 s. One thread.
class KafkaAdmin {
 public:
  explicit KafkaAdmin(const std::string& brokers);
  ~KafkaAdmin();
  KafkaAdmin(const KafkaAdmin&) = delete;
  KafkaAdmin& operator=(const KafkaAdmin&) = delete;

  /// `settings` as the broker knows them ("cleanup.policy"). Returns when its leaders answer.
  void CreateTopic(const std::string& topic, std::int32_t partitions,
                   const std::map<std::string, std::string>& settings = {});
  /// Returns when the brokers do not list it any more.
  void DeleteTopic(const std::string& topic);
  void AddPartitions(const std::string& topic, std::int32_t to_partitions);
  /// As retention does: everything below `before` is gone.
  void DeleteRecords(const std::string& topic, std::int32_t partition, Offset before);

  /// Sends and waits for the acknowledgement.
  void Produce(const std::string& topic, std::int32_t partition,
               const std::vector<ProducedRecord>& records);

  io::Watermarks QueryWatermarks(const std::string& topic, std::int32_t partition);
  /// Partitions without a commit are left out.
  std::map<std::int32_t, io::CommittedOffset> Committed(const std::string& group,
                                                        const std::string& topic);
  /// As an operator resets a group by hand; only while it has no members.
  void SetCommitted(const std::string& group, const std::string& topic,
                    const std::vector<io::OffsetToCommit>& offsets);
  /// Records between the group's commits (else the start) and the ends, over all partitions.
  std::int64_t Lag(const std::string& group, const std::string& topic);

 private:
  struct Parts;
  std::int32_t PartitionCount(const std::string& topic);
  std::unique_ptr<Parts> parts_;
};

/// The broker that tests shall use, from PENSTOCK_KAFKA.
std::string KafkaBrokers();
/// A name that no other test, or run of this one, uses: `stem` and random digits.
std::string UniqueName(std::string_view stem);

}  // namespace penstock::testing
