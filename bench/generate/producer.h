#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <librdkafka/rdkafka.h>

#include "base/clock.h"
#include "base/handle.h"
#include "base/result.h"

namespace penstock::events {

/// Writes records to one topic, acknowledged by all replicas, without loss and without repeats
/// (idempotent). One thread. Every error is Remedy::kStop: a half-written topic is of no use.
class Producer {
 public:
  static Result<std::unique_ptr<Producer>> Make(const std::string& brokers,
                                                const std::string& topic,
                                                const std::string& compression);

  /// Makes the topic, or finds it with the same number of partitions.
  Status CreateTopic(std::int32_t partitions);
  /// Deletes the topic with all of its records; fine when there is none.
  Status DeleteTopic();
  /// How many partitions the topic has; an error when it does not exist.
  Result<std::int32_t> Partitions();

  /// Takes a copy. Waits while the local queue is full. `timestamp_ms` 0: now.
  Status Produce(std::int32_t partition, std::string_view record, std::int64_t timestamp_ms);
  /// Serves the connection until `deadline`.
  Status ServeUntil(Clock::Time deadline);
  /// Waits until every record is acknowledged.
  Status Finish();

 private:
  explicit Producer(std::string topic) : topic_(std::move(topic)) {}
  /// `made`: it was created just now, and a broker that does not know it yet will.
  Result<std::int32_t> PartitionsOf(bool made);
  static void Delivered(rd_kafka_t*, const rd_kafka_message_t* message, void* producer);
  Status Serve(int wait_ms);

  std::string topic_;
  std::uint64_t failed_ = 0;
  std::string failure_;  // The first.
  Handle<rd_kafka_t, rd_kafka_destroy> client_;
  Handle<rd_kafka_topic_t, rd_kafka_topic_destroy> handle_;  // Goes before the client.
};

}  // namespace penstock::events
