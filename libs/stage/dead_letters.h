#pragma once

#include <cstddef>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "io/stream.h"
#include "model/dead_letter.h"

namespace penstock::stage {

/// Dead letters on their way into messages of bounded size: lines, and the id under which a
/// repeat within JetStream's window is recognised. One owner thread.
class DeadLetterPacker {
 public:
  DeadLetterPacker(std::string pipeline_id, std::size_t max_message_bytes)
      : pipeline_id_(std::move(pipeline_id)), max_message_bytes_(max_message_bytes) {}

  /// A letter that cannot fit keeps its head of the original message; its coordinates lead to the
  /// rest, which is in Kafka.
  void Add(DeadLetter letter);
  bool empty() const { return messages_.empty(); }
  std::size_t bytes() const { return bytes_; }

  struct Message {
    std::string lines;
    std::string id;
  };
  /// Gives what was added and starts again.
  std::vector<Message> Take();

 private:
  const std::string pipeline_id_;
  const std::size_t max_message_bytes_;
  std::vector<Message> messages_;
  std::size_t bytes_ = 0;
};

/// Publishes the messages one after the other and waits until each is acknowledged, for as long
/// as that takes or until `stop`: what accounts for a dead letter may only be written after it.
Status SendDeadLetters(io::Publisher& publisher, const std::string& subject,
                       const std::vector<DeadLetterPacker::Message>& messages, const Clock& clock,
                       std::stop_token stop);

}  // namespace penstock::stage
