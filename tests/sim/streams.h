#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "io/stream.h"
#include "sim/process.h"
#include "sim/world.h"

namespace penstock::sim {

/// JetStream as one process sees it over the simulated network. Outlives what uses it;
/// Process::Kill is to be followed by Hangup.
class Streams final : public io::Publisher, public io::Streams {
 public:
  Streams(Process& process, World& world);
  ~Streams() override;

  /// Whoever waits for an answer of a dead process is told that there is none.
  void Hangup();

  void Publish(const io::PublishRequest& request, Clock::Duration timeout,
               DoneCallback done) override;
  Result<io::PublishAck> PublishAndWait(const io::PublishRequest& request,
                                        Clock::Duration timeout) override;
  std::size_t MaxPayload() const override { return server_.MaxPayload(); }

  Result<io::StreamState> Ensure(const io::StreamConfig& config) override;
  Result<io::StreamState> State(const std::string& stream) override;
  Result<std::optional<io::StreamMessage>> Get(const std::string& stream, StreamSeq seq) override;
  Result<std::optional<io::StreamMessage>> Last(const std::string& stream) override;
  Result<std::optional<io::StreamMessage>> LastOn(const std::string& stream,
                                                  const std::string& subject) override;
  Status Trim(const std::string& stream, StreamSeq keep_from) override;
  Status RemoveMessage(const std::string& stream, StreamSeq seq) override;
  Status Remove(const std::string& stream) override;
  std::unique_ptr<io::StreamReader> ReadFrom(const std::string& stream, StreamSeq from) override;

 private:
  /// Publishes that were sent and not answered; answers may come when this is gone.
  struct Pending {
    std::mutex mutex;
    std::map<std::uint64_t, DoneCallback> calls;
    std::uint64_t last = 0;
  };
  static void Answer(Pending& pending, std::uint64_t call, Result<io::PublishAck> answer);
  std::function<Result<io::PublishAck>()> Serving(const io::PublishRequest& request);

  Process& process_;
  World& world_;
  testing::FakeStreams& server_;
  std::shared_ptr<Pending> pending_ = std::make_shared<Pending>();
};

}  // namespace penstock::sim
