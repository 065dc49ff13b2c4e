#include "jetstream/publisher.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/format.h"
#include "jetstream/errors.h"

namespace penstock::jetstream {
namespace {

std::vector<Header> HeadersOf(const io::PublishRequest& request) {
  std::vector<Header> headers;
  if (request.expected_last.has_value()) {
    headers.push_back(
        {"Nats-Expected-Last-Sequence", fmt::format("{}", request.expected_last->rep())});
  }
  if (request.expected_last_on_subject.has_value()) {
    headers.push_back({"Nats-Expected-Last-Subject-Sequence",
                       fmt::format("{}", request.expected_last_on_subject->rep())});
  }
  if (!request.message_id.empty()) headers.push_back({"Nats-Msg-Id", request.message_id});
  return headers;
}

}  // namespace

Result<io::PublishAck> ParsePublishAck(const Result<MessageHandle>& answer,
                                       std::string_view subject) {
  if (!answer.ok()) return Error(answer.error());
  const std::optional<JsonFields> fields = JsonFields::Parse(DataOf(answer.value()));
  if (fields.has_value() && fields->Find("error.code").has_value()) {
    return FromApi(*fields, fmt::format("publish to {}", subject));
  }
  // Without a stream it is some other subscriber that answered: nothing says that it is stored.
  if (!fields.has_value() || fields->Unsigned("seq") == 0 || fields->Text("stream").empty()) {
    return Unavailable(fmt::format("publish to {}: the answer is not an acknowledgement", subject));
  }
  return io::PublishAck{StreamSeq(fields->Unsigned("seq")), fields->True("duplicate")};
}

void Publisher::Publish(const io::PublishRequest& request, Clock::Duration timeout,
                        DoneCallback done) {
  const std::vector<Header> headers = HeadersOf(request);
  bus_.Request({request.subject, request.data, headers}, timeout,
               [subject = request.subject, done = std::move(done)](Result<MessageHandle> answer) {
                 done(ParsePublishAck(answer, subject));
               });
}

Result<io::PublishAck> Publisher::PublishAndWait(const io::PublishRequest& request,
                                                 Clock::Duration timeout) {
  const std::vector<Header> headers = HeadersOf(request);
  return ParsePublishAck(bus_.RequestAndWait({request.subject, request.data, headers}, timeout),
                         request.subject);
}

}  // namespace penstock::jetstream
