#include "jetstream/stream_reader.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "base/format.h"
#include "base/wait.h"
#include "jetstream/errors.h"
#include "jetstream/streams.h"

namespace penstock::jetstream {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr seconds kPullExpires{30};
constexpr seconds kHeartbeat{2};
/// Two heartbeats and some patience.
constexpr milliseconds kSilence{4'500};
/// A consumer that nobody pulls from ends after this; the reader then makes another.
constexpr seconds kInactiveThreshold{60};
constexpr std::uint64_t kMostMessagesInPull = 1'000;
constexpr std::uint64_t kMessagesInFirstPull = 4;
constexpr milliseconds kFirstRetry{20};
constexpr milliseconds kMostRetry{1'000};

std::int64_t Nanos(nanoseconds duration) {
  return duration.count();
}

}  // namespace

StreamReader::StreamReader(Bus& bus, std::string stream, std::string filter, StreamSeq from)
    : bus_(bus),
      stream_(std::move(stream)),
      filter_(std::move(filter)),
      next_(std::max(from, StreamSeq(1))),
      backoff_(kFirstRetry, kMostRetry) {}

StreamReader::~StreamReader() {
  DropConsumer();
}

void StreamReader::DropConsumer() {
  if (!consumer_.has_value()) return;
  bus_.mailboxes().Close(consumer_->mailbox);
  bus_.Tell(fmt::format("$JS.API.CONSUMER.DELETE.{}.{}", stream_, consumer_->name));
  consumer_.reset();
}

void StreamReader::LoseConsumer() {
  DropConsumer();
  not_before_ = bus_.clock().Now() + backoff_.Next();
}

Result<std::vector<io::StreamMessage>> StreamReader::Read(std::size_t max_bytes,
                                                          Clock::Time deadline,
                                                          std::stop_token stop) {
  PENSTOCK_ASSIGN_OR_RETURN(std::vector<Delivered> delivered,
                            ReadDelivered(max_bytes, deadline, std::move(stop)));
  std::vector<io::StreamMessage> messages;
  messages.reserve(delivered.size());
  for (Delivered& from : delivered) {
    messages.push_back(
        {from.seq, std::string(SubjectOf(from.message)), std::string(DataOf(from.message))});
    from.message.reset();  // Now, so that the message is in memory twice only one at a time.
  }
  return messages;
}

Result<std::vector<StreamReader::Delivered>> StreamReader::ReadDelivered(std::size_t max_bytes,
                                                                         Clock::Time deadline,
                                                                         std::stop_token stop) {
  std::vector<Delivered> messages;
  while (!stop.stop_requested()) {
    PENSTOCK_RETURN_IF_ERROR(EnsureConsumer(deadline, stop));
    if (!consumer_.has_value()) break;
    EnsurePull(max_bytes);
    MessageHandle message =
        consumer_->mailbox->Take(std::min(deadline, consumer_->silent_at), stop);
    if (message == nullptr) {
      const bool silent = bus_.clock().Now() >= consumer_->silent_at;
      if (silent || consumer_->mailbox->lost()) LoseConsumer();
      if (bus_.clock().Now() >= deadline) break;
      continue;
    }
    const Event event = Handle(std::move(message), messages);
    if (event == Event::kLost) LoseConsumer();
    if (event != Event::kMessage) continue;
    backoff_.Reset();
    TakeWaiting(max_bytes, messages);
    if (consumer_.has_value()) EnsurePull(max_bytes);
    break;
  }
  return messages;
}

void StreamReader::TakeWaiting(std::size_t max_bytes, std::vector<Delivered>& out) {
  std::size_t bytes = DataOf(out.back().message).size();
  while (consumer_.has_value()) {
    MessageHandle message = consumer_->mailbox->TryTake();
    if (message == nullptr) return;
    if (bytes + DataOf(message).size() > max_bytes) {
      consumer_->mailbox->PutBack(std::move(message));
      return;
    }
    const std::size_t before = out.size();
    if (Handle(std::move(message), out) == Event::kLost) LoseConsumer();
    if (out.size() > before) bytes += DataOf(out.back().message).size();
  }
}

Status StreamReader::EnsureConsumer(Clock::Time deadline, std::stop_token stop) {
  while (!consumer_.has_value() && !stop.stop_requested()) {
    if (!WaitUntil(std::min(not_before_, deadline), stop) || deadline < not_before_) return Done();
    if (!bus_.link().WaitConnected(deadline, stop)) return Done();
    Status made = MakeConsumer(stop);
    if (made.ok() || made.error().remedy != Remedy::kRetry) return made;
    not_before_ = bus_.clock().Now() + backoff_.Next();
  }
  return Done();
}

Status StreamReader::MakeConsumer(std::stop_token stop) {
  const std::string body = fmt::format(
      R"({{"stream_name":{},"config":{{"deliver_policy":"by_start_sequence","opt_start_seq":{},)"
      R"("ack_policy":"none","replay_policy":"instant","mem_storage":true,"num_replicas":1,)"
      R"("inactive_threshold":{}{}}}}})",
      Quoted(stream_), next_.rep(), Nanos(kInactiveThreshold),
      filter_.empty() ? "" : fmt::format(R"(,"filter_subject":{})", Quoted(filter_)));
  PENSTOCK_ASSIGN_OR_RETURN(const JsonFields made,
                            bus_.CallApi("CONSUMER.CREATE." + stream_, body, stop));
  if (made.Find("error.code").has_value()) {
    return FromApi(made, fmt::format("read stream {}", stream_));
  }
  Consumer consumer;
  consumer.name = made.Text("name");
  consumer.mailbox = bus_.mailboxes().Open(stream_, consumer.name);
  consumer_ = std::move(consumer);
  // The consumer first: a stream that is still the same afterwards was so when it was made.
  Status same = CheckSameStream(std::move(stop));
  if (!same.ok()) DropConsumer();
  return same;
}

Status StreamReader::CheckSameStream(std::stop_token stop) {
  PENSTOCK_ASSIGN_OR_RETURN(const JsonFields info,
                            bus_.CallApi("STREAM.INFO." + stream_, "", std::move(stop)));
  if (info.Find("error.code").has_value()) return FromApi(info, "stream " + stream_);
  const io::StreamState state = ParseStreamState(info);
  if (!created_ns_.has_value()) {
    created_ns_ = state.created_ns;
    return Done();
  }
  if (state.created_ns != *created_ns_) {
    return NotFound(fmt::format("stream {} was replaced by another of this name", stream_));
  }
  if (state.last < last_read_) {
    return NotFound(fmt::format("stream {} has lost its tail: it ends at {}, and {} was read",
                                stream_, state.last.rep(), last_read_.rep()));
  }
  return Done();
}

void StreamReader::EnsurePull(std::size_t max_bytes) {
  Consumer& consumer = *consumer_;
  if (consumer.pull != 0) return;
  consumer.pull = next_pull_++;
  consumer.pull_brought = false;
  consumer.pull_left = typical_size_ == 0 ? kMessagesInFirstPull
                                          : max_bytes / std::max<std::size_t>(1, typical_size_);
  consumer.pull_left = std::clamp<std::uint64_t>(consumer.pull_left, 1, kMostMessagesInPull);
  std::string bound = fmt::format(R"(,"max_bytes":{})", std::max<std::size_t>(1, max_bytes));
  if (consumer.one_large) {
    consumer.pull_left = 1;
    bound.clear();
  }
  const std::string body =
      fmt::format(R"({{"batch":{},"expires":{},"idle_heartbeat":{}{}}})", consumer.pull_left,
                  Nanos(kPullExpires), Nanos(kHeartbeat), bound);
  const Status sent =
      bus_.Pull(*consumer.mailbox, consumer.pull,
                fmt::format("$JS.API.CONSUMER.MSG.NEXT.{}.{}", stream_, consumer.name), body);
  // A pull that was not sent looks like one that is not answered: the silence ends it.
  consumer.silent_at = bus_.clock().Now() + (sent.ok() ? kSilence : kFirstRetry);
}

StreamReader::Event StreamReader::Handle(MessageHandle message, std::vector<Delivered>& out) {
  consumer_->silent_at = bus_.clock().Now() + kSilence;
  return ReplyOf(message).starts_with("$JS.ACK.") ? HandleDelivery(std::move(message), out)
                                                  : HandleNotice(message);
}

StreamReader::Event StreamReader::HandleDelivery(MessageHandle message,
                                                 std::vector<Delivered>& out) {
  Consumer& consumer = *consumer_;
  const std::optional<Delivery> delivery = ParseDelivery(ReplyOf(message));
  if (!delivery.has_value()) return Event::kLost;
  // Deliveries count without gaps, so one that is missing shows here. Sequences of the stream may
  // leap: what was trimmed is not there.
  if (delivery->consumer_seq != consumer.last_delivery + 1) return Event::kLost;
  if (StreamSeq(delivery->stream_seq) < next_) return Event::kLost;
  consumer.last_delivery = delivery->consumer_seq;
  consumer.pull_brought = true;
  consumer.one_large = false;
  if (consumer.pull_left > 0 && --consumer.pull_left == 0) consumer.pull = 0;

  last_read_ = StreamSeq(delivery->stream_seq);
  next_ = StreamSeq(delivery->stream_seq + 1);
  const std::size_t size = DataOf(message).size();
  typical_size_ = typical_size_ == 0 ? size : (3 * typical_size_ + size) / 4;
  out.push_back({last_read_, std::move(message)});
  return Event::kMessage;
}

StreamReader::Event StreamReader::HandleNotice(const MessageHandle& message) {
  Consumer& consumer = *consumer_;
  const std::string_view status = HeaderOf(message, "Status");
  const std::string_view description = HeaderOf(message, "Description");
  if (status == "100") return Event::kNothing;
  std::string_view number = SubjectOf(message);
  number.remove_prefix(std::min(number.size(), number.rfind('.') + 1));
  std::uint64_t pull = 0;
  std::from_chars(number.data(), number.data() + number.size(), pull);

  const bool too_large = description == "Message Size Exceeds MaxBytes";
  const bool ended =
      status == "404" || status == "408" || too_large || description == "Batch Completed";
  if (!ended) return Event::kLost;  // The consumer is gone, or its leader is another.
  if (pull != consumer.pull) return Event::kNothing;
  if (too_large && !consumer.pull_brought) consumer.one_large = true;
  consumer.pull = 0;
  return Event::kNothing;
}

}  // namespace penstock::jetstream
