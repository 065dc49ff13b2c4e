#include "jetstream/bus.h"

#include <charconv>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "base/format.h"
#include "jetstream/errors.h"

namespace penstock::jetstream {
namespace {

// Tokens behind the inbox: r<number of the request>, p<number of the mailbox>.<number of the pull>.
constexpr char kRequestToken = 'r';
constexpr char kPullToken = 'p';

/// A result on its way from the thread that has it to the one that waits for it.
class Awaited {
 public:
  void Set(Result<MessageHandle> result) {
    {
      std::lock_guard lock(mutex_);
      result_ = std::move(result);
    }
    set_.notify_one();
  }
  std::optional<Result<MessageHandle>> Wait(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    set_.wait(lock, stop, [&] { return result_.has_value(); });
    return std::move(result_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any set_;
  std::optional<Result<MessageHandle>> result_;
};

}  // namespace

Result<std::unique_ptr<Bus>> Bus::Connect(NatsOptions options, const Clock& clock) {
  std::unique_ptr<Bus> bus(new Bus(clock));
  PENSTOCK_ASSIGN_OR_RETURN(bus->link_, Link::Connect(std::move(options), clock, *bus));
  return bus;
}

Bus::~Bus() {
  if (link_ != nullptr) link_->Close();
  requests_.LoseAll("the connection was closed");
}

void Bus::Request(const Outgoing& message, Clock::Duration timeout, Requests::Callback done) {
  const std::uint64_t id = requests_.Begin(message.subject, timeout, std::move(done));
  requests_.Sent(id, link_->Send(message, fmt::format("{}{}", kRequestToken, id)));
}

Result<MessageHandle> Bus::RequestAndWait(const Outgoing& message, Clock::Duration timeout,
                                          std::stop_token stop) {
  // Shared with the callback, which may come after a stop.
  auto awaited = std::make_shared<Awaited>();
  Request(message, timeout,
          [awaited](Result<MessageHandle> result) { awaited->Set(std::move(result)); });
  std::optional<Result<MessageHandle>> result = awaited->Wait(std::move(stop));
  if (!result.has_value()) {
    return Unavailable(fmt::format("no answer to {}: stopped", message.subject));
  }
  return *std::move(result);
}

Result<JsonFields> Bus::CallApi(const std::string& subject, const std::string& body,
                                std::stop_token stop) {
  const std::string full = "$JS.API." + subject;
  Result<MessageHandle> answer = RequestAndWait({full, body}, kApiTimeout, std::move(stop));
  if (!answer.ok()) return std::move(answer).error();
  std::optional<JsonFields> fields = JsonFields::Parse(DataOf(answer.value()));
  if (!fields.has_value()) return Unavailable(fmt::format("{}: the answer is not JSON", full));
  return *std::move(fields);
}

Status Bus::Pull(const Mailbox& mailbox, std::uint64_t pull, const std::string& subject,
                 const std::string& body) {
  return link_->Send({subject, body}, fmt::format("{}{}.{}", kPullToken, mailbox.id(), pull));
}

void Bus::Tell(const std::string& subject) {
  // Only to tidy up early: what it is about would end by itself.
  [[maybe_unused]] const Status told = link_->Send({subject, {}}, {});
}

void Bus::OnMessage(std::string_view token, MessageHandle message) {
  Mailboxes::MailboxPtr mailbox;
  if (token.empty()) {
    const std::optional<Delivery> delivery = ParseDelivery(ReplyOf(message));
    if (delivery.has_value()) mailbox = mailboxes_.ByConsumer(delivery->stream_and_consumer);
  } else {
    std::uint64_t number = 0;
    std::from_chars(token.data() + 1, token.data() + token.size(), number);
    if (token[0] == kRequestToken) return requests_.Answer(number, std::move(message));
    if (token[0] == kPullToken) mailbox = mailboxes_.ById(number);
  }
  if (mailbox != nullptr) mailbox->Put(std::move(message));
}

void Bus::OnLost(const std::string& why) {
  requests_.LoseAll(why);
  mailboxes_.LoseAll();
}

void Bus::OnComplaint(const std::string& text) {
  requests_.RefuseQuoted(text);
}

}  // namespace penstock::jetstream
