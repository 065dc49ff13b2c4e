#include "support/fake_streams.h"

#include <utility>

#include "base/format.h"
#include "support/fake_stream_server.h"

namespace penstock::testing {

class FakeStreams::Reader final : public io::StreamReader {
 public:
  Reader(FakeStreams& client, std::string stream, StreamSeq from)
      : client_(client), stream_(std::move(stream)) {
    reading_.next = from;
  }

  Result<std::vector<io::StreamMessage>> Read(std::size_t max_bytes, Clock::Time deadline,
                                              std::stop_token stop) override {
    switch (client_.faults_.Next("Read", stream_)) {
      case FaultKind::kNone:
        return client_.server_->Read(stream_, reading_, max_bytes, deadline, std::move(stop));
      case FaultKind::kRefused:
        return Error{Remedy::kStop, "refused", "scripted"};
      case FaultKind::kUnavailable:
      case FaultKind::kLostAnswer:
      case FaultKind::kLate:
        break;
    }
    return std::vector<io::StreamMessage>();
  }

 private:
  FakeStreams& client_;
  const std::string stream_;
  Server::Reading reading_;
};

FakeStreams::FakeStreams(const Clock& clock) : server_(std::make_shared<Server>(clock)) {}
FakeStreams::FakeStreams(FakeStreams& server) : server_(server.server_) {}
FakeStreams::~FakeStreams() = default;

Status FakeStreams::Fail(FaultKind kind, std::string_view operation,
                         const std::string& about) const {
  const std::string detail = fmt::format("{} {}: scripted", operation, about);
  if (kind == FaultKind::kRefused) return Error{Remedy::kStop, "refused", detail};
  return Error{Remedy::kRetry, "unavailable", detail};
}

template <typename T>
Result<T> FakeStreams::Meet(std::string_view operation, const std::string& stream,
                            const std::function<Result<T>()>& call) {
  const FaultKind fault = faults_.Next(operation, stream);
  if (fault == FaultKind::kNone) return call();
  if (fault == FaultKind::kLostAnswer) {
    [[maybe_unused]] const Result<T> lost = call();
  }
  return Fail(fault, operation, stream).error();
}

Result<io::PublishAck> FakeStreams::Apply(const io::PublishRequest& request) {
  const FaultKind fault = faults_.Next("Publish", request.subject);
  if (fault == FaultKind::kNone) return server_->Publish(request);
  if (fault == FaultKind::kLostAnswer) {
    [[maybe_unused]] const auto lost = server_->Publish(request);
  } else if (fault == FaultKind::kLate) {
    std::lock_guard lock(mutex_);
    late_.push_back({request, std::string(request.data)});
  }
  return Fail(fault, "Publish", request.subject).error();
}

void FakeStreams::Publish(const io::PublishRequest& request, Clock::Duration /*timeout*/,
                          DoneCallback done) {
  Result<io::PublishAck> answer = Apply(request);
  {
    std::lock_guard lock(mutex_);
    if (holding_) {
      held_.push_back({std::move(done), std::move(answer)});
      return;
    }
  }
  done(std::move(answer));
}

Result<io::PublishAck> FakeStreams::PublishAndWait(const io::PublishRequest& request,
                                                   Clock::Duration /*timeout*/) {
  return Apply(request);
}

std::size_t FakeStreams::MaxPayload() const {
  return server_->MaxPayload();
}

Result<io::StreamState> FakeStreams::Ensure(const io::StreamConfig& config) {
  return Meet<io::StreamState>("Ensure", config.name, [&] { return server_->Ensure(config); });
}

Result<io::StreamState> FakeStreams::State(const std::string& stream) {
  return Meet<io::StreamState>("State", stream, [&] { return server_->State(stream); });
}

Result<std::optional<io::StreamMessage>> FakeStreams::Get(const std::string& stream,
                                                          StreamSeq seq) {
  return Meet<std::optional<io::StreamMessage>>("Get", stream,
                                                [&] { return server_->Get(stream, seq); });
}

Result<std::optional<io::StreamMessage>> FakeStreams::Last(const std::string& stream) {
  using Found = Result<std::optional<io::StreamMessage>>;
  return Meet<std::optional<io::StreamMessage>>("Last", stream, [&]() -> Found {
    PENSTOCK_ASSIGN_OR_RETURN(const io::StreamState state, server_->State(stream));
    return server_->Get(stream, state.last);
  });
}

Result<std::optional<io::StreamMessage>> FakeStreams::LastOn(const std::string& stream,
                                                             const std::string& subject) {
  return Meet<std::optional<io::StreamMessage>>("LastOn", stream,
                                                [&] { return server_->LastOn(stream, subject); });
}

Status FakeStreams::Trim(const std::string& stream, StreamSeq keep_from) {
  return Meet<Done>("Trim", stream, [&] { return server_->Trim(stream, keep_from); });
}

Status FakeStreams::RemoveMessage(const std::string& stream, StreamSeq seq) {
  return Meet<Done>("RemoveMessage", stream, [&] { return server_->RemoveMessage(stream, seq); });
}

Status FakeStreams::Remove(const std::string& stream) {
  return Meet<Done>("Remove", stream, [&] { return server_->Remove(stream); });
}

std::unique_ptr<io::StreamReader> FakeStreams::ReadFrom(const std::string& stream, StreamSeq from) {
  return std::make_unique<Reader>(*this, stream, from);
}

void FakeStreams::HoldAnswers() {
  std::lock_guard lock(mutex_);
  holding_ = true;
}

std::size_t FakeStreams::ReleaseAnswers() {
  std::vector<Held> held;
  {
    std::lock_guard lock(mutex_);
    holding_ = false;
    held.swap(held_);
  }
  for (Held& answer : held) answer.done(std::move(answer.answer));
  return held.size();
}

void FakeStreams::ApplyLate() {
  std::vector<Late> late;
  {
    std::lock_guard lock(mutex_);
    late.swap(late_);
  }
  for (Late& publish : late) {
    publish.request.data = publish.data;
    [[maybe_unused]] const auto unheard = server_->Publish(publish.request);
  }
}

void FakeStreams::SetMaxPayload(std::size_t bytes) {
  server_->SetMaxPayload(bytes);
}

void FakeStreams::LoseTail(const std::string& stream, StreamSeq keep_up_to) {
  server_->LoseTail(stream, keep_up_to);
}

std::vector<io::StreamMessage> FakeStreams::Messages(const std::string& stream) const {
  return server_->Messages(stream);
}

}  // namespace penstock::testing
