#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "jetstream/nats_handles.h"

namespace penstock::jetstream {

/// What arrives for one consumer of a stream: messages, and what the server says about pulls.
/// Bounded by what was pulled. The connection's thread puts in, a reader takes out.
class Mailbox {
 public:
  explicit Mailbox(std::uint64_t id) : id_(id) {}

  std::uint64_t id() const { return id_; }
  void Put(MessageHandle message);
  /// The connection broke: nothing more will come.
  void Lose();

  /// Waits for a message; none: deadline, stop, or lost.
  MessageHandle Take(Clock::Time deadline, std::stop_token stop);
  MessageHandle TryTake();
  void PutBack(MessageHandle message);
  bool lost() const;

 private:
  const std::uint64_t id_;
  mutable std::mutex mutex_;
  std::condition_variable_any arrived_;
  std::deque<MessageHandle> messages_;
  bool lost_ = false;
};

/// Finds the mailbox for what arrives. A message of a stream has its own subject, and the consumer
/// that it is for in its reply subject; the rest is addressed by the mailbox's number. Thread-safe.
class Mailboxes {
 public:
  /// Shared by the reader and, while it puts something in, the connection's thread.
  using MailboxPtr = std::shared_ptr<Mailbox>;

  MailboxPtr Open(const std::string& stream, const std::string& consumer);
  void Close(const MailboxPtr& mailbox);
  MailboxPtr ByConsumer(std::string_view stream_and_consumer) const;
  MailboxPtr ById(std::uint64_t id) const;
  void LoseAll();

 private:
  mutable std::mutex mutex_;
  std::uint64_t next_id_ = 1;
  std::map<std::string, MailboxPtr, std::less<>> by_consumer_;
};

/// The coordinates in the reply subject of a message that a consumer delivered.
struct Delivery {
  std::string_view stream_and_consumer;  ///< "STREAM.consumer"
  std::uint64_t stream_seq = 0;
  std::uint64_t consumer_seq = 0;  ///< Counts from 1 for each consumer.
};
/// Nothing if `reply` is not of this form.
std::optional<Delivery> ParseDelivery(std::string_view reply);

}  // namespace penstock::jetstream
