#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "jetstream/json_fields.h"
#include "jetstream/link.h"
#include "jetstream/mailboxes.h"
#include "jetstream/requests.h"

namespace penstock::jetstream {

/// How long calls of JetStream's API wait for their answer.
inline constexpr std::chrono::milliseconds kApiTimeout{5'000};

/// What publishers, streams, readers and buckets share: requests with answers and mailboxes for
/// consumers over one link. Thread-safe; outlives them.
class Bus final : private LinkListener {
 public:
  static Result<std::unique_ptr<Bus>> Connect(NatsOptions options, const Clock& clock);
  ~Bus() override;
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  /// `done` is called once, from a thread of the bus or this one. What `message` borrows must stay
  /// until then.
  void Request(const Outgoing& message, Clock::Duration timeout, Requests::Callback done);
  /// The same, waiting; "unavailable" as soon as `stop` is requested.
  Result<MessageHandle> RequestAndWait(const Outgoing& message, Clock::Duration timeout,
                                       std::stop_token stop = {});
  /// A call of JetStream's API, `subject` without "$JS.API.". The answer may hold an error of
  /// JetStream (ApiCodeOf); a failure here means that there is no answer.
  Result<JsonFields> CallApi(const std::string& subject, const std::string& body,
                             std::stop_token stop = {});

  /// Asks for messages: they, and what the server says about this pull, come into `mailbox`.
  Status Pull(const Mailbox& mailbox, std::uint64_t pull, const std::string& subject,
              const std::string& body);
  /// Sends without wanting an answer.
  void Tell(const std::string& subject);

  Mailboxes& mailboxes() { return mailboxes_; }
  Link& link() { return *link_; }
  const Clock& clock() const { return clock_; }

 private:
  explicit Bus(const Clock& clock) : clock_(clock), requests_(clock) {}
  void OnMessage(std::string_view token, MessageHandle message) override;
  void OnLost(const std::string& why) override;
  void OnComplaint(const std::string& text) override;

  const Clock& clock_;
  Mailboxes mailboxes_;
  Requests requests_;
  std::unique_ptr<Link> link_;
};

}  // namespace penstock::jetstream
