#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "io/stream.h"
#include "support/fault_script.h"

namespace penstock::testing {

/// JetStream in memory, for stages under simulated faults: passes the same tests as the real one
/// (stream_conformance.h). A publish completes within the call, or when the test releases it
/// (HoldAnswers). Read waits on the machine's clock; a deadline of a manual clock that starts at
/// zero has passed, so it returns at once. Thread-safe.
class FakeStreams final : public io::Publisher, public io::Streams {
 public:
  explicit FakeStreams(const Clock& clock = SystemClock());
  /// Another client of the same server, with faults and held answers of its own.
  explicit FakeStreams(FakeStreams& server);
  ~FakeStreams() override;

  void Publish(const io::PublishRequest& request, Clock::Duration timeout,
               DoneCallback done) override;
  Result<io::PublishAck> PublishAndWait(const io::PublishRequest& request,
                                        Clock::Duration timeout) override;
  std::size_t MaxPayload() const override;

  Result<io::StreamState> Ensure(const io::StreamConfig& config) override;
  Result<io::StreamState> State(const std::string& stream) override;
  Result<std::optional<io::StreamMessage>> Get(const std::string& stream, StreamSeq seq) override;
  Result<std::optional<io::StreamMessage>> Last(const std::string& stream) override;
  Result<std::optional<io::StreamMessage>> LastOn(const std::string& stream,
                                                  const std::string& subject) override;
  Status Trim(const std::string& stream, StreamSeq keep_from) override;
  Status RemoveMessage(const std::string& stream, StreamSeq seq) override;
  Status Remove(const std::string& stream) override;
  /// A fault "Read" of kind kUnavailable makes a Read quiet, as the real reader waits by itself.
  std::unique_ptr<io::StreamReader> ReadFrom(const std::string& stream, StreamSeq from) override;

  /// What goes wrong with this client's calls: the methods' names, with the stream, or for
  /// Publish the subject.
  FaultScript& faults() { return faults_; }
  /// Publishes are applied at once but answered by ReleaseAnswers, in their order.
  void HoldAnswers();
  /// Answers held publishes and ends the holding; gives how many.
  std::size_t ReleaseAnswers();
  /// Publishes that met FaultKind::kLate now arrive at the server.
  void ApplyLate();

  void SetMaxPayload(std::size_t bytes);
  /// The server forgets the messages above `keep_up_to`: a disk that lost its last writes.
  void LoseTail(const std::string& stream, StreamSeq keep_up_to);
  /// What is in the stream now; empty if there is none.
  std::vector<io::StreamMessage> Messages(const std::string& stream) const;

 private:
  class Server;
  class Reader;
  struct Held {
    DoneCallback done;
    Result<io::PublishAck> answer;
  };
  struct Late {
    io::PublishRequest request;  ///< Its data is `data`.
    std::string data;
  };

  Status Fail(FaultKind kind, std::string_view operation, const std::string& about) const;
  Result<io::PublishAck> Apply(const io::PublishRequest& request);
  /// Does `call` unless a fault forbids it, and hides its result if a fault wants that.
  template <typename T>
  Result<T> Meet(std::string_view operation, const std::string& stream,
                 const std::function<Result<T>()>& call);

  std::shared_ptr<Server> server_;  // Shared by all clients and their readers.
  FaultScript faults_;
  std::mutex mutex_;
  bool holding_ = false;
  std::vector<Held> held_;
  std::vector<Late> late_;
};

}  // namespace penstock::testing
