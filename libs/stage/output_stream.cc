#include "stage/output_stream.h"

#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

#include "base/backoff.h"
#include "base/patience.h"
#include "base/wait.h"

namespace penstock::stage {

namespace {

constexpr auto kPublishTimeout = std::chrono::seconds(5);

// The answers to several publishes, from whatever threads they come. Each comes: a publish has a
// time limit.
class Answers {
 public:
  explicit Answers(std::size_t count) : answers_(count), missing_(count) {}

  io::Publisher::DoneCallback TakerOf(std::size_t index) {
    return [this, index](Result<io::PublishAck> answer) {
      std::lock_guard lock(mutex_);
      answers_[index] = std::move(answer);
      if (--missing_ == 0) complete_.notify_one();
    };
  }
  void Wait() {
    std::unique_lock lock(mutex_);
    complete_.wait(lock, [this] { return missing_ == 0; });
  }
  /// After Wait.
  Result<io::PublishAck> Take(std::size_t index) { return std::move(*answers_[index]); }

 private:
  std::mutex mutex_;
  std::condition_variable complete_;
  std::vector<std::optional<Result<io::PublishAck>>> answers_;
  std::size_t missing_;
};

}  // namespace

Result<std::optional<protocol::Envelope>> OutputStream::Open(std::stop_token stop) {
  return WithPatience(parts_.clock, std::move(stop), parts_.reports.waits, [&] { return Look(); });
}

Result<std::optional<protocol::Envelope>> OutputStream::Look() {
  PENSTOCK_ASSIGN_OR_RETURN(const io::StreamState state, parts_.streams.State(options_.stream));
  created_ns_ = state.created_ns;
  std::optional<io::StreamMessage> last;
  if (options_.fence == Fence::kSubject) {
    PENSTOCK_ASSIGN_OR_RETURN(last, parts_.streams.LastOn(options_.stream, options_.subject));
    last_ = StreamSeq(0);
  } else {
    PENSTOCK_ASSIGN_OR_RETURN(last, parts_.streams.Last(options_.stream));
    last_ = state.last;
  }
  if (!last) return std::optional<protocol::Envelope>();
  last_ = last->seq;
  auto envelope = protocol::ReadEnvelope(last->data);
  if (!envelope.ok()) {
    return std::move(envelope).error().Within(
        fmt::format("message {} of stream {}", last->seq.rep(), options_.stream));
  }
  return std::optional(std::move(envelope).value());
}

io::PublishRequest OutputStream::RequestOf(std::string_view message) const {
  io::PublishRequest request{
      .subject = options_.subject, .data = message, .expected_last = {}, .message_id = {}};
  if (options_.fence == Fence::kSubject) {
    request.expected_last_on_subject = last_;
  } else {
    request.expected_last = last_;
  }
  return request;
}

OutputStream::Answer OutputStream::Ask(std::string_view message) const {
  return parts_.publisher.PublishAndWait(RequestOf(message), kPublishTimeout);
}

Status OutputStream::Publish(std::string_view message, std::stop_token stop) {
  const Clock::Time sent = parts_.clock.Now();
  return Settle(message, Ask(message), sent, std::move(stop));
}

Status OutputStream::PublishAll(std::span<const Outgoing> messages, std::stop_token stop) {
  std::vector<Clock::Time> sent;
  Answers answers(messages.size());
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const auto& [to, message] = messages[i];
    sent.push_back(to.parts_.clock.Now());
    to.parts_.publisher.Publish(to.RequestOf(message), kPublishTimeout, answers.TakerOf(i));
  }
  answers.Wait();
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const auto& [to, message] = messages[i];
    PENSTOCK_RETURN_IF_ERROR(to.Settle(message, answers.Take(i), sent[i], stop));
  }
  return Done{};
}

Status OutputStream::Settle(std::string_view message, Answer answer, Clock::Time sent,
                            std::stop_token stop) {
  Backoff backoff;
  while (true) {
    while (!answer.ok() && answer.error().code == "sequence") answer = FindOut(message);
    if (answer.ok()) break;
    Error error = std::move(answer).error();
    if (error.remedy != Remedy::kRetry) {
      return std::move(error).Within(fmt::format("publishing to {}", options_.subject));
    }
    parts_.reports.refused(error);
    PENSTOCK_RETURN_IF_ERROR(CheckIsThere());
    if (!WaitUntil(parts_.clock.Now() + backoff.Next(), stop)) return kStopped;
    answer = Ask(message);
  }
  last_ = answer.value().seq;
  parts_.reports.published(message.size(), parts_.clock.Now() - sent);
  return Done{};
}

OutputStream::Answer OutputStream::FindOut(std::string_view message) {
  // An answer may have been lost; then the message that we find is this one.
  PENSTOCK_ASSIGN_OR_RETURN(const auto found, MessageAfterLast());
  if (found && found->data == message) return io::PublishAck{.seq = found->seq, .duplicate = true};
  PENSTOCK_ASSIGN_OR_RETURN(const io::StreamState state, parts_.streams.State(options_.stream));
  PENSTOCK_RETURN_IF_ERROR(CheckIsOpened(state));
  if (options_.fence == Fence::kSubject && !found && last_ < state.first) {
    last_ = StreamSeq(0);
    return Ask(message);
  }
  return Error{
      Remedy::kStop, "conflict",
      fmt::format("another process writes to {}: this one has been overtaken", options_.subject)};
}

Status OutputStream::CheckIsOpened(const io::StreamState& state) const {
  if (state.created_ns == created_ns_ && state.last >= last_) return Done{};
  return Error{Remedy::kStop, "not_found",
               fmt::format("stream {} was replaced, or has lost its end", options_.stream)};
}

// Of a stream that was deleted nobody answers a publish, either.
Status OutputStream::CheckIsThere() const {
  const auto state = parts_.streams.State(options_.stream);
  if (state.ok()) return CheckIsOpened(state.value());
  if (state.error().code != "not_found") return Done{};
  return state.error();
}

Result<std::optional<io::StreamMessage>> OutputStream::MessageAfterLast() {
  if (options_.fence == Fence::kSubject) {
    return parts_.streams.LastOn(options_.stream, options_.subject);
  }
  return parts_.streams.Get(options_.stream, StreamSeq(last_.rep() + 1));
}

}  // namespace penstock::stage
