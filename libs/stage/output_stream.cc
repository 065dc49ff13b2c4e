#include "stage/output_stream.h"

#include <utility>

#include "base/backoff.h"
#include "base/patience.h"
#include "base/wait.h"

namespace penstock::stage {

namespace {

constexpr auto kPublishTimeout = std::chrono::seconds(5);

}  // namespace

Result<std::optional<protocol::Envelope>> OutputStream::Open(std::stop_token stop) {
  return WithPatience(parts_.clock, std::move(stop), parts_.reports.waits, [&] { return Look(); });
}

Result<std::optional<protocol::Envelope>> OutputStream::Look() {
  std::optional<io::StreamMessage> last;
  if (options_.fence == Fence::kSubject) {
    PENSTOCK_ASSIGN_OR_RETURN(last, parts_.streams.LastOn(options_.stream, options_.subject));
    last_ = StreamSeq(0);
  } else {
    PENSTOCK_ASSIGN_OR_RETURN(const io::StreamState state, parts_.streams.State(options_.stream));
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

Status OutputStream::Publish(std::string_view message, std::stop_token stop) {
  Backoff backoff;
  const Clock::Time sent = parts_.clock.Now();
  while (true) {
    const auto ack = Ask(message);
    if (ack.ok()) {
      last_ = ack.value().seq;
      break;
    }
    Error error = ack.error();
    if (error.code == "sequence") {
      const Result<bool> there = IsThere(message);
      if (there.ok() && there.value()) break;
      if (there.ok()) continue;
      error = there.error();
    }
    if (error.remedy != Remedy::kRetry) {
      return std::move(error).Within(fmt::format("publishing to {}", options_.subject));
    }
    parts_.reports.refused(error);
    if (!WaitUntil(parts_.clock.Now() + backoff.Next(), stop)) return kStopped;
  }
  parts_.reports.published(message.size(), parts_.clock.Now() - sent);
  return Done{};
}

Result<io::PublishAck> OutputStream::Ask(std::string_view message) const {
  io::PublishRequest request{
      .subject = options_.subject, .data = message, .expected_last = {}, .message_id = {}};
  if (options_.fence == Fence::kSubject) {
    request.expected_last_on_subject = last_;
  } else {
    request.expected_last = last_;
  }
  return parts_.publisher.PublishAndWait(request, kPublishTimeout);
}

Result<bool> OutputStream::IsThere(std::string_view message) {
  // An answer may have been lost; then the message that we find is this one.
  PENSTOCK_ASSIGN_OR_RETURN(const auto found, MessageAfterLast());
  if (found && found->data == message) {
    last_ = found->seq;
    return true;
  }
  if (options_.fence == Fence::kSubject && !found) {
    PENSTOCK_ASSIGN_OR_RETURN(const io::StreamState state, parts_.streams.State(options_.stream));
    if (last_ < state.first) {
      last_ = StreamSeq(0);
      return false;
    }
  }
  return Error{
      Remedy::kStop, "conflict",
      fmt::format("another process writes to {}: this one has been overtaken", options_.subject)};
}

Result<std::optional<io::StreamMessage>> OutputStream::MessageAfterLast() {
  if (options_.fence == Fence::kSubject) {
    return parts_.streams.LastOn(options_.stream, options_.subject);
  }
  return parts_.streams.Get(options_.stream, StreamSeq(last_.rep() + 1));
}

}  // namespace penstock::stage
