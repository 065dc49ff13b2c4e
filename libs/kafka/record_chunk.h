#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "io/record_source.h"
#include "kafka/client.h"

namespace penstock::kafka {

/// Messages of librdkafka as records, without copying. Destroys them wherever it ends.
class KafkaChunk final : public io::RecordChunk {
 public:
  KafkaChunk(std::shared_ptr<Client> client, std::int32_t partition);
  ~KafkaChunk() override;
  KafkaChunk(const KafkaChunk&) = delete;
  KafkaChunk& operator=(const KafkaChunk&) = delete;

  /// Takes `message` over.
  void Add(rd_kafka_message_t* message);

  std::int32_t partition() const override { return partition_; }
  std::span<const io::Record> records() const override { return records_; }
  std::size_t bytes() const override { return bytes_; }
  std::string HeadersJson(std::size_t index) const override;

 private:
  std::shared_ptr<Client> client_;  // Outlives the messages, which live in its buffers.
  std::int32_t partition_;
  std::size_t bytes_ = 0;
  std::vector<io::Record> records_;
  std::vector<rd_kafka_message_t*> messages_;
};

}  // namespace penstock::kafka
