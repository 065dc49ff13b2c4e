#include "transform/output_stream.h"

#include <utility>

#include "base/backoff.h"
#include "base/patience.h"
#include "base/wait.h"

namespace penstock::transform {

namespace {

constexpr auto kPublishTimeout = std::chrono::seconds(5);

}  // namespace

Result<std::optional<protocol::Envelope>> OutputStream::Open(std::stop_token stop) {
  return WithPatience(
      parts_.clock, std::move(stop),
      [&](const Error& error) { parts_.metrics.Waits(options_.shard, error); },
      [&] { return Look(); });
}

Result<std::optional<protocol::Envelope>> OutputStream::Look() {
  PENSTOCK_ASSIGN_OR_RETURN(const io::StreamState state, parts_.streams.State(options_.stream));
  PENSTOCK_ASSIGN_OR_RETURN(const auto last, parts_.streams.Last(options_.stream));
  if (!last) {
    last_ = state.last;
    return std::optional<protocol::Envelope>();
  }
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
    const auto ack = parts_.publisher.PublishAndWait(
        {.subject = options_.subject, .data = message, .expected_last = last_, .message_id = {}},
        kPublishTimeout);
    if (ack.ok()) {
      last_ = ack.value().seq;
      parts_.metrics.Published(message.size(), parts_.clock.Now() - sent);
      return Done{};
    }
    Error error = ack.error();
    if (error.code == "sequence") {
      // An answer may have been lost; then the message that we find there is this one.
      const Result<bool> ours = IsOurs(message);
      if (ours.ok() && ours.value()) return Done{};
      if (ours.ok()) {
        return Error{Remedy::kStop, "conflict",
                     fmt::format("another process writes to stream {}: this one has been overtaken",
                                 options_.stream)};
      }
      error = ours.error();
    }
    if (error.remedy != Remedy::kRetry) {
      return std::move(error).Within(fmt::format("publishing to stream {}", options_.stream));
    }
    parts_.metrics.PublishRefused(options_.shard, error);
    if (!WaitUntil(parts_.clock.Now() + backoff.Next(), stop)) return kStopped;
  }
}

Result<bool> OutputStream::IsOurs(std::string_view message) {
  PENSTOCK_ASSIGN_OR_RETURN(const auto found,
                            parts_.streams.Get(options_.stream, StreamSeq(last_.rep() + 1)));
  if (!found || found->data != message) return false;
  last_ = found->seq;
  return true;
}

}  // namespace penstock::transform
