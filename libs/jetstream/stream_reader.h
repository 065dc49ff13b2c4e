#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/result.h"
#include "io/stream.h"
#include "jetstream/bus.h"

namespace penstock::jetstream {

/// io::StreamReader over an ephemeral pull consumer without acknowledgements, made for it and made
/// again whenever anything is odd: a lost connection, a consumer that is gone or silent, a
/// delivery out of turn. The position is the reader's own, so a new consumer goes on exactly there.
///
/// One pull is outstanding at a time; it holds as much as Read was last asked for, and the next is
/// sent as soon as that has arrived, so that messages come while the caller works on the last ones.
/// An idle reader costs a pull in kPullExpires and a heartbeat in kHeartbeat. Read fails with
/// "not_found" also when another stream took the place of the one that was read, or it lost
/// messages that were read: positions in it mean nothing any more.
class StreamReader final : public io::StreamReader {
 public:
  /// A message as it came, with its headers.
  struct Delivered {
    StreamSeq seq;
    MessageHandle message;
  };

  /// Reads only subjects that match `filter`, if it is not empty.
  StreamReader(Bus& bus, std::string stream, std::string filter, StreamSeq from);
  ~StreamReader() override;
  StreamReader(const StreamReader&) = delete;
  StreamReader& operator=(const StreamReader&) = delete;

  Result<std::vector<io::StreamMessage>> Read(std::size_t max_bytes, Clock::Time deadline,
                                              std::stop_token stop) override;
  Result<std::vector<Delivered>> ReadDelivered(std::size_t max_bytes, Clock::Time deadline,
                                               std::stop_token stop);

 private:
  struct Consumer {
    std::string name;
    Mailboxes::MailboxPtr mailbox;
    std::uint64_t last_delivery = 0;
    std::uint64_t pull = 0;       ///< Number of the outstanding pull; 0: none.
    std::uint64_t pull_left = 0;  ///< Messages that it may still bring.
    bool pull_brought = false;    ///< It brought a message.
    bool one_large = false;       ///< The next message is larger than a pull's bound.
    Clock::Time silent_at;        ///< When silence means that the consumer is lost.
  };
  enum class Event : std::uint8_t { kNothing, kMessage, kLost };

  Status EnsureConsumer(Clock::Time deadline, std::stop_token stop);
  Status MakeConsumer(std::stop_token stop);
  Status CheckSameStream(std::stop_token stop);
  void DropConsumer();
  void LoseConsumer();
  void EnsurePull(std::size_t max_bytes);
  Event Handle(MessageHandle message, std::vector<Delivered>& out);
  Event HandleDelivery(MessageHandle message, std::vector<Delivered>& out);
  Event HandleNotice(const MessageHandle& message);
  void TakeWaiting(std::size_t max_bytes, std::vector<Delivered>& out);

  Bus& bus_;
  const std::string stream_;
  const std::string filter_;
  StreamSeq next_;
  StreamSeq last_read_{0};
  std::uint64_t next_pull_ = 1;
  std::size_t typical_size_ = 0;
  std::optional<std::int64_t> created_ns_;
  std::optional<Consumer> consumer_;
  Backoff backoff_;
  Clock::Time not_before_{};  ///< The next consumer is not made before this.
};

}  // namespace penstock::jetstream
