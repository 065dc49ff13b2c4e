#include "jetstream/mailboxes.h"

#include <array>
#include <charconv>
#include <utility>

#include "base/format.h"

namespace penstock::jetstream {

void Mailbox::Put(MessageHandle message) {
  {
    std::lock_guard lock(mutex_);
    messages_.push_back(std::move(message));
  }
  arrived_.notify_one();
}

void Mailbox::Lose() {
  {
    std::lock_guard lock(mutex_);
    lost_ = true;
  }
  arrived_.notify_one();
}

MessageHandle Mailbox::Take(Clock::Time deadline, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  arrived_.wait_until(lock, stop, deadline, [&] { return lost_ || !messages_.empty(); });
  if (messages_.empty()) return nullptr;
  MessageHandle message = std::move(messages_.front());
  messages_.pop_front();
  return message;
}

MessageHandle Mailbox::TryTake() {
  std::lock_guard lock(mutex_);
  if (messages_.empty()) return nullptr;
  MessageHandle message = std::move(messages_.front());
  messages_.pop_front();
  return message;
}

void Mailbox::PutBack(MessageHandle message) {
  std::lock_guard lock(mutex_);
  messages_.push_front(std::move(message));
}

bool Mailbox::lost() const {
  std::lock_guard lock(mutex_);
  return lost_ && messages_.empty();
}

Mailboxes::MailboxPtr Mailboxes::Open(const std::string& stream, const std::string& consumer) {
  std::lock_guard lock(mutex_);
  auto mailbox = std::make_shared<Mailbox>(next_id_++);
  by_consumer_[fmt::format("{}.{}", stream, consumer)] = mailbox;
  return mailbox;
}

void Mailboxes::Close(const MailboxPtr& mailbox) {
  std::lock_guard lock(mutex_);
  std::erase_if(by_consumer_, [&](const auto& entry) { return entry.second == mailbox; });
}

Mailboxes::MailboxPtr Mailboxes::ByConsumer(std::string_view stream_and_consumer) const {
  std::lock_guard lock(mutex_);
  const auto found = by_consumer_.find(stream_and_consumer);
  return found == by_consumer_.end() ? nullptr : found->second;
}

Mailboxes::MailboxPtr Mailboxes::ById(std::uint64_t id) const {
  std::lock_guard lock(mutex_);
  for (const auto& [consumer, mailbox] : by_consumer_) {
    if (mailbox->id() == id) return mailbox;
  }
  return nullptr;
}

void Mailboxes::LoseAll() {
  std::lock_guard lock(mutex_);
  for (const auto& [consumer, mailbox] : by_consumer_) mailbox->Lose();
}

std::optional<Delivery> ParseDelivery(std::string_view reply) {
  constexpr std::string_view kPrefix = "$JS.ACK.";
  if (!reply.starts_with(kPrefix)) return std::nullopt;
  // $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>, or with
  // <domain>.<account> before the stream and one more token at the end.
  std::array<std::size_t, 13> begins{};
  std::size_t tokens = 0;
  for (std::size_t at = 0; tokens < begins.size();) {
    begins.at(tokens++) = at;
    const std::size_t dot = reply.find('.', at);
    if (dot == reply.npos) break;
    at = dot + 1;
  }
  if (tokens != 9 && tokens < 11) return std::nullopt;
  const std::size_t stream = tokens == 9 ? 2 : 4;
  const auto number = [&](std::size_t token) {
    std::uint64_t value = 0;
    std::from_chars(reply.data() + begins.at(token), reply.data() + reply.size(), value);
    return value;
  };
  Delivery delivery;
  delivery.stream_and_consumer =
      reply.substr(begins.at(stream), begins.at(stream + 2) - 1 - begins.at(stream));
  delivery.stream_seq = number(stream + 3);
  delivery.consumer_seq = number(stream + 4);
  return delivery;
}

}  // namespace penstock::jetstream
