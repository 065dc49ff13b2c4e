#include "sim/streams.h"

#include <utility>

#include "base/wait.h"

namespace penstock::sim {

namespace {

using Kind = Process::Kind;

class Reader final : public io::StreamReader {
 public:
  Reader(Process& process, std::unique_ptr<io::StreamReader> reader)
      : process_(process), reader_(std::move(reader)) {}

  // The real reader survives what the network does: at worst it is quiet for a while.
  Result<std::vector<io::StreamMessage>> Read(std::size_t max_bytes, Clock::Time deadline,
                                              std::stop_token stop) override {
    const Status reached = process_.Call<Done>(Kind::kRead, [] { return Done{}; });
    if (!reached.ok()) {
      WaitUntil(deadline, std::move(stop));
      return std::vector<io::StreamMessage>();
    }
    return reader_->Read(max_bytes, deadline, std::move(stop));
  }

 private:
  Process& process_;
  std::unique_ptr<io::StreamReader> reader_;
};

}  // namespace

Streams::Streams(Process& process, World& world)
    : process_(process), world_(world), server_(world.streams) {}

Streams::~Streams() = default;

void Streams::Hangup() {
  while (true) {
    std::uint64_t call = 0;
    {
      std::lock_guard lock(pending_->mutex);
      if (pending_->calls.empty()) return;
      call = pending_->calls.begin()->first;
    }
    Answer(*pending_, call, Process::Unavailable());
  }
}

void Streams::Answer(Pending& pending, std::uint64_t call, Result<io::PublishAck> answer) {
  std::unique_lock lock(pending.mutex);
  const auto found = pending.calls.extract(call);
  lock.unlock();
  if (!found.empty()) found.mapped()(std::move(answer));
}

// The request with data of its own.
std::function<Result<io::PublishAck>()> Streams::Serving(const io::PublishRequest& request) {
  return [&server = server_, request, data = std::string(request.data)] {
    io::PublishRequest sent = request;
    sent.data = data;
    return server.PublishAndWait(sent, {});
  };
}

void Streams::Publish(const io::PublishRequest& request, Clock::Duration timeout,
                      DoneCallback done) {
  if (!process_.alive()) return done(Process::Unavailable());
  std::uint64_t call = 0;
  {
    std::lock_guard lock(pending_->mutex);
    call = ++pending_->last;
    pending_->calls.emplace(call, std::move(done));
  }
  process_.Send<io::PublishAck>(Serving(request), timeout,
                                [pending = pending_, call](Result<io::PublishAck> answer) {
                                  Answer(*pending, call, std::move(answer));
                                });
}

Result<io::PublishAck> Streams::PublishAndWait(const io::PublishRequest& request,
                                               Clock::Duration timeout) {
  return process_.Call<io::PublishAck>(Kind::kWrite, Serving(request), timeout);
}

Result<io::StreamState> Streams::Ensure(const io::StreamConfig& config) {
  return process_.Call<io::StreamState>(
      Kind::kWrite, [&server = server_, config] { return server.Ensure(config); });
}

Result<io::StreamState> Streams::State(const std::string& stream) {
  return process_.Call<io::StreamState>(
      Kind::kRead, [&server = server_, stream] { return server.State(stream); });
}

Result<std::optional<io::StreamMessage>> Streams::Get(const std::string& stream, StreamSeq seq) {
  return process_.Call<std::optional<io::StreamMessage>>(
      Kind::kRead, [&server = server_, stream, seq] { return server.Get(stream, seq); });
}

Result<std::optional<io::StreamMessage>> Streams::Last(const std::string& stream) {
  return process_.Call<std::optional<io::StreamMessage>>(
      Kind::kRead, [&server = server_, stream] { return server.Last(stream); });
}

Result<std::optional<io::StreamMessage>> Streams::LastOn(const std::string& stream,
                                                         const std::string& subject) {
  return process_.Call<std::optional<io::StreamMessage>>(
      Kind::kRead, [&server = server_, stream, subject] { return server.LastOn(stream, subject); });
}

Status Streams::Trim(const std::string& stream, StreamSeq keep_from) {
  return process_.Call<Done>(Kind::kWrite,
                             [&world = world_, &server = server_, stream, keep_from]() -> Status {
                               PENSTOCK_RETURN_IF_ERROR(server.Trim(stream, keep_from));
                               world.CheckTrimmed(stream);
                               return Done{};
                             });
}

Status Streams::RemoveMessage(const std::string& stream, StreamSeq seq) {
  return process_.Call<Done>(
      Kind::kWrite, [&server = server_, stream, seq] { return server.RemoveMessage(stream, seq); });
}

Status Streams::Remove(const std::string& stream) {
  return process_.Call<Done>(Kind::kWrite,
                             [&server = server_, stream] { return server.Remove(stream); });
}

std::unique_ptr<io::StreamReader> Streams::ReadFrom(const std::string& stream, StreamSeq from) {
  return std::make_unique<Reader>(process_, server_.ReadFrom(stream, from));
}

}  // namespace penstock::sim
