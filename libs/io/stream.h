#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/ids.h"

namespace penstock::io {

/// Error codes of this page (Error::code), a closed list:
///   "unavailable"  no connection, no answer in time, no leader: the result is unknown. kRetry.
///   "full"         the stream's max_bytes or max_messages is reached. kRetry.
///   "sequence"     an expected last sequence did not match: another writer was there. kStop.
///   "not_found"    no such stream, message or key. kStop.
///   "conflict"     compare-and-swap lost. kStop.
///   "too_large"    above the server's max_payload. kDeadLetter.
///   "no_room"      JetStream cannot reserve what the stream asks for. kStop.
///   "refused"      permissions, authentication, a configuration that the server refuses. kStop.

struct StreamConfig {
  std::string name;
  std::vector<std::string> subjects;
  std::uint64_t max_bytes = 0;  ///< 0: no bound.
  std::uint32_t replicas = 1;
  bool memory_storage = false;
  std::chrono::seconds duplicate_window{120};
};

struct StreamState {
  std::int64_t created_ns = 0;  ///< Tells a stream from one that replaced it.
  StreamSeq first{0};
  StreamSeq last{0};
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::uint64_t max_bytes = 0;
};

struct StreamMessage {
  StreamSeq seq;
  std::string subject;
  std::string data;
};

struct PublishRequest {
  std::string subject;
  /// Borrowed until `done` was called.
  std::string_view data;
  /// Refused with "sequence" unless the stream's last sequence is this; 0: the stream is empty
  /// and never had a message.
  std::optional<StreamSeq> expected_last;
  /// Not empty: a repeat within the duplicate window is acknowledged and not stored again.
  std::string message_id;
  /// As expected_last, of the last message on this subject that is there; 0: there is none.
  std::optional<StreamSeq> expected_last_on_subject{};
};

struct PublishAck {
  StreamSeq seq;
  bool duplicate = false;
};

/// Publishes to streams. Thread-safe.
class Publisher {
 public:
  virtual ~Publisher() = default;

  using DoneCallback = std::function<void(Result<PublishAck>)>;
  /// Sends and returns; `done` is called exactly once, from another thread or (where sending
  /// itself fails) this one: with the acknowledgement, or an error, at the latest after `timeout`.
  virtual void Publish(const PublishRequest& request, Clock::Duration timeout,
                       DoneCallback done) = 0;

  /// The same, waiting for the answer.
  virtual Result<PublishAck> PublishAndWait(const PublishRequest& request,
                                            Clock::Duration timeout) = 0;

  /// The server's bound on one message, headers included; it may change with a reconnect.
  virtual std::size_t MaxPayload() const = 0;
};

/// Reads one stream in order from a position on. Survives reconnects and lost consumers by
/// itself: no message is skipped, none repeated. One owner thread.
class StreamReader {
 public:
  virtual ~StreamReader() = default;

  /// Waits until `deadline` for messages; up to `max_bytes`, at least one if there is one. None
  /// is not an error: it means quiet. "not_found": the stream is gone.
  virtual Result<std::vector<StreamMessage>> Read(std::size_t max_bytes, Clock::Time deadline,
                                                  std::stop_token stop) = 0;
};

/// Streams as things to make, look at and trim. Thread-safe; every call waits for its answer,
/// at most a few seconds.
class Streams {
 public:
  virtual ~Streams() = default;

  /// Makes the stream (limits retention, discard new, no max_age) or checks that the existing one
  /// serves: subjects equal; other limits are updated where the server allows it.
  virtual Result<StreamState> Ensure(const StreamConfig& config) = 0;
  virtual Result<StreamState> State(const std::string& stream) = 0;
  virtual Result<std::optional<StreamMessage>> Get(const std::string& stream, StreamSeq seq) = 0;
  virtual Result<std::optional<StreamMessage>> Last(const std::string& stream) = 0;
  /// The last message on the subject.
  virtual Result<std::optional<StreamMessage>> LastOn(const std::string& stream,
                                                      const std::string& subject) = 0;
  /// Removes the messages below `keep_from`.
  virtual Status Trim(const std::string& stream, StreamSeq keep_from) = 0;
  /// Removes one message; one that is not there is no error.
  virtual Status RemoveMessage(const std::string& stream, StreamSeq seq) = 0;
  virtual Status Remove(const std::string& stream) = 0;
  /// Reads from the first message with a sequence at or after `from`.
  virtual std::unique_ptr<StreamReader> ReadFrom(const std::string& stream, StreamSeq from) = 0;
};

}  // namespace penstock::io
