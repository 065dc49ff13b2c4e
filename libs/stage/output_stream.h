#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "io/stream.h"
#include "protocol/batch_codec.h"

namespace penstock::stage {

/// A stage's output on one subject: the checkpoint is in its last message, and every message is
/// published with the expected last sequence, so that a process that was overtaken can write
/// nothing any more. One owner thread.
class OutputStream {
 public:
  /// What nobody else may have written to since.
  enum class Fence : std::uint8_t {
    kStream,
    /// The subject alone, where a stream has several writers. Whoever trims the stream may take
    /// away the subject's last message: then nothing is expected of it.
    kSubject,
  };
  struct Options {
    std::string stream;
    std::string subject;
    Fence fence = Fence::kStream;
  };
  /// Told as it happens, in the owner's thread.
  struct Reports {
    /// JetStream does not answer a question; it is asked again.
    std::function<void(const Error&)> waits;
    /// It did not take a message; it is sent again.
    std::function<void(const Error&)> refused;
    std::function<void(std::size_t bytes, Clock::Duration took)> published;
  };
  struct Parts {
    io::Streams& streams;
    io::Publisher& publisher;
    const Clock& clock;
    Reports reports;
  };

  OutputStream(Options options, Parts parts)
      : options_(std::move(options)), parts_(std::move(parts)) {}

  /// Finds the last message and what it says of the input; empty when there is none. Waits out an
  /// unavailable server until `stop`.
  Result<std::optional<protocol::Envelope>> Open(std::stop_token stop);

  /// Publishes and waits until JetStream has it, for as long as that takes or until `stop`. Errors:
  /// "conflict" (kStop): somebody else has written here since; "not_found" (kStop): the stream is
  /// gone, or another one than that which was opened.
  Status Publish(std::string_view message, std::stop_token stop);

  struct Outgoing {
    OutputStream& to;
    std::string_view message;
  };
  /// Publishes a message to each of several outputs, all on their way at once, and waits until
  /// JetStream has all of them. Errors as Publish: then it may have some of them.
  static Status PublishAll(std::span<const Outgoing> messages, std::stop_token stop);

  /// "not_found" (kStop): the stream is gone, or another one than that which was opened, or has
  /// lost its end; so has what was published. For who has nothing to publish, which would tell. A
  /// server that does not answer is no error.
  Status CheckIsThere() const;

  /// Known after Open.
  bool had_messages() const { return last_.rep() > 0; }

 private:
  using Answer = Result<io::PublishAck>;

  Result<std::optional<protocol::Envelope>> Look();
  io::PublishRequest RequestOf(std::string_view message) const;
  Answer Ask(std::string_view message) const;
  /// From the first answer on to a good one.
  Status Settle(std::string_view message, Answer answer, Clock::Time sent, std::stop_token stop);
  /// After a refusal for the sequence: the message is there all the same, or is sent again.
  Answer FindOut(std::string_view message);
  Status CheckIsOpened(const io::StreamState& state) const;
  Result<std::optional<io::StreamMessage>> MessageAfterLast();

  const Options options_;
  Parts parts_;
  std::int64_t created_ns_ = 0;
  StreamSeq last_{0};
};

}  // namespace penstock::stage
