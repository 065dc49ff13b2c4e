#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "io/stream.h"
#include "support/fake_streams.h"

namespace penstock::testing {

/// The streams behind FakeStreams: what a server does, without faults. Thread-safe.
class FakeStreams::Server {
 public:
  explicit Server(const Clock& clock) : clock_(clock) {}

  Result<io::PublishAck> Publish(const io::PublishRequest& request);
  Result<io::StreamState> Ensure(const io::StreamConfig& config);
  Result<io::StreamState> State(const std::string& stream);
  Result<std::optional<io::StreamMessage>> Get(const std::string& stream, StreamSeq seq);
  Result<std::optional<io::StreamMessage>> LastOn(const std::string& stream,
                                                  const std::string& subject);
  Status Trim(const std::string& stream, StreamSeq keep_from);
  Status RemoveMessage(const std::string& stream, StreamSeq seq);
  Status Remove(const std::string& stream);

  struct Reading {
    StreamSeq next;
    StreamSeq last_read{0};
    std::int64_t created_ns = 0;  ///< 0: nothing read yet.
  };
  Result<std::vector<io::StreamMessage>> Read(const std::string& stream, Reading& reading,
                                              std::size_t max_bytes, Clock::Time deadline,
                                              std::stop_token stop);

  void LoseTail(const std::string& stream, StreamSeq keep_up_to);
  std::vector<io::StreamMessage> Messages(const std::string& stream);
  void SetMaxPayload(std::size_t bytes);
  std::size_t MaxPayload();

 private:
  struct Message {
    std::string subject;
    std::string data;
    std::string id;
    Clock::Time at;
  };
  struct Stream {
    io::StreamConfig config;
    std::int64_t created_ns = 0;
    std::uint64_t first = 1;
    std::uint64_t last = 0;
    std::uint64_t bytes = 0;
    std::map<std::uint64_t, Message> messages;
  };

  Stream* Find(const std::string& name);
  Stream* BySubject(const std::string& subject);
  std::optional<io::PublishAck> Duplicate(const Stream& stream, const std::string& id) const;
  static std::map<std::uint64_t, Message>::const_reverse_iterator LastWith(
      const Stream& stream, const std::string& subject);
  static io::StreamState StateOf(const Stream& stream);
  static void Erase(Stream& stream, std::map<std::uint64_t, Message>::iterator message);
  /// Ready: there is something to say to the reader.
  Result<std::vector<io::StreamMessage>> Take(const std::string& name, Reading& reading,
                                              std::size_t max_bytes);

  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, Stream> streams_;
  std::int64_t next_created_ns_ = 1'700'000'000'000'000'000;
  std::size_t max_payload_ = 1024 * 1024;
};

}  // namespace penstock::testing
