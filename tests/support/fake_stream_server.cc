#include "support/fake_stream_server.h"

#include <algorithm>
#include <utility>

#include "base/format.h"

namespace penstock::testing {
namespace {

constexpr std::uint64_t kBytesOfAMessageBesideItsData = 32;

Error NotFound(const std::string& stream) {
  return {Remedy::kStop, "not_found", fmt::format("stream {}: stream not found", stream)};
}
Error WrongLast(std::uint64_t last) {
  return {Remedy::kStop, "sequence", fmt::format("wrong last sequence: {}", last)};
}

/// NATS's rule: * is one token, > the rest.
bool Matches(std::string_view pattern, std::string_view subject) {
  while (!pattern.empty() && !subject.empty()) {
    if (pattern == ">") return true;
    const std::string_view wanted = pattern.substr(0, pattern.find('.'));
    const std::string_view token = subject.substr(0, subject.find('.'));
    if (wanted != "*" && wanted != token) return false;
    pattern.remove_prefix(std::min(pattern.size(), wanted.size() + 1));
    subject.remove_prefix(std::min(subject.size(), token.size() + 1));
  }
  return pattern.empty() && subject.empty();
}

std::uint64_t SizeOf(const std::string& data) {
  return data.size() + kBytesOfAMessageBesideItsData;
}

}  // namespace

FakeStreams::Server::Stream* FakeStreams::Server::Find(const std::string& name) {
  const auto found = streams_.find(name);
  return found == streams_.end() ? nullptr : &found->second;
}

FakeStreams::Server::Stream* FakeStreams::Server::BySubject(const std::string& subject) {
  for (auto& [name, stream] : streams_) {
    for (const std::string& pattern : stream.config.subjects) {
      if (Matches(pattern, subject)) return &stream;
    }
  }
  return nullptr;
}

std::optional<io::PublishAck> FakeStreams::Server::Duplicate(const Stream& stream,
                                                             const std::string& id) const {
  if (id.empty()) return std::nullopt;
  for (const auto& [seq, message] : stream.messages) {
    const bool fresh = clock_.Now() - message.at < stream.config.duplicate_window;
    if (fresh && message.id == id) return io::PublishAck{StreamSeq(seq), true};
  }
  return std::nullopt;
}

Result<io::PublishAck> FakeStreams::Server::Publish(const io::PublishRequest& request) {
  std::lock_guard lock(mutex_);
  if (request.data.size() > max_payload_) {
    return Error{
        Remedy::kDeadLetter, "too_large",
        fmt::format("a message of {} bytes; max_payload is {}", request.data.size(), max_payload_)};
  }
  Stream* stream = BySubject(request.subject);
  if (stream == nullptr) {
    return Error{Remedy::kRetry, "unavailable",
                 fmt::format("nobody answers to {}", request.subject)};
  }
  if (const auto duplicate = Duplicate(*stream, request.message_id)) return *duplicate;
  if (request.expected_last.has_value() && request.expected_last->rep() != stream->last) {
    return WrongLast(stream->last);
  }
  if (request.expected_last_on_subject.has_value()) {
    const auto last = LastWith(*stream, request.subject);
    const std::uint64_t there = last == stream->messages.rend() ? 0 : last->first;
    if (request.expected_last_on_subject->rep() != there) return WrongLast(there);
  }
  Message message{request.subject, std::string(request.data), request.message_id, clock_.Now()};
  const std::uint64_t size = SizeOf(message.data);
  if (stream->config.max_bytes != 0 && stream->bytes + size > stream->config.max_bytes) {
    return Error{Remedy::kRetry, "full", "maximum bytes exceeded"};
  }
  stream->bytes += size;
  stream->messages.emplace(++stream->last, std::move(message));
  changed_.notify_all();
  return io::PublishAck{StreamSeq(stream->last), false};
}

io::StreamState FakeStreams::Server::StateOf(const Stream& stream) {
  return {stream.created_ns,      StreamSeq(stream.first),
          StreamSeq(stream.last), stream.messages.size(),
          stream.bytes,           stream.config.max_bytes};
}

Result<io::StreamState> FakeStreams::Server::Ensure(const io::StreamConfig& config) {
  std::lock_guard lock(mutex_);
  Stream* stream = Find(config.name);
  if (stream == nullptr) {
    Stream& made = streams_[config.name];
    made.config = config;
    made.created_ns = next_created_ns_++;
    changed_.notify_all();
    return StateOf(made);
  }
  const auto sorted = [](std::vector<std::string> subjects) {
    std::sort(subjects.begin(), subjects.end());
    return subjects;
  };
  if (sorted(stream->config.subjects) != sorted(config.subjects)) {
    return Error{Remedy::kStop, "refused",
                 fmt::format("stream {} is there with other subjects", config.name)};
  }
  stream->config = config;
  return StateOf(*stream);
}

Result<io::StreamState> FakeStreams::Server::State(const std::string& stream) {
  std::lock_guard lock(mutex_);
  const Stream* found = Find(stream);
  if (found == nullptr) return NotFound(stream);
  return StateOf(*found);
}

Result<std::optional<io::StreamMessage>> FakeStreams::Server::Get(const std::string& stream,
                                                                  StreamSeq seq) {
  std::lock_guard lock(mutex_);
  const Stream* found = Find(stream);
  if (found == nullptr) return NotFound(stream);
  const auto message = found->messages.find(seq.rep());
  if (message == found->messages.end()) return std::optional<io::StreamMessage>();
  return std::optional(io::StreamMessage{seq, message->second.subject, message->second.data});
}

std::map<std::uint64_t, FakeStreams::Server::Message>::const_reverse_iterator
FakeStreams::Server::LastWith(const Stream& stream, const std::string& subject) {
  return std::find_if(stream.messages.rbegin(), stream.messages.rend(),
                      [&](const auto& message) { return message.second.subject == subject; });
}

Result<std::optional<io::StreamMessage>> FakeStreams::Server::LastOn(const std::string& stream,
                                                                     const std::string& subject) {
  std::lock_guard lock(mutex_);
  const Stream* found = Find(stream);
  if (found == nullptr) return NotFound(stream);
  const auto last = LastWith(*found, subject);
  if (last == found->messages.rend()) return std::optional<io::StreamMessage>();
  return std::optional(
      io::StreamMessage{StreamSeq(last->first), last->second.subject, last->second.data});
}

void FakeStreams::Server::Erase(Stream& stream,
                                std::map<std::uint64_t, Message>::iterator message) {
  stream.bytes -= SizeOf(message->second.data);
  stream.messages.erase(message);
}

Status FakeStreams::Server::Trim(const std::string& stream, StreamSeq keep_from) {
  std::lock_guard lock(mutex_);
  Stream* found = Find(stream);
  if (found == nullptr) return NotFound(stream);
  while (!found->messages.empty() && found->messages.begin()->first < keep_from.rep()) {
    Erase(*found, found->messages.begin());
  }
  found->first = std::max(found->first, keep_from.rep());
  // As the server does: a purge beyond the end moves the end, too.
  found->last = std::max(found->last, found->first - 1);
  return Done();
}

Status FakeStreams::Server::RemoveMessage(const std::string& stream, StreamSeq seq) {
  std::lock_guard lock(mutex_);
  Stream* found = Find(stream);
  if (found == nullptr) return NotFound(stream);
  const auto message = found->messages.find(seq.rep());
  if (message == found->messages.end()) return Done();
  Erase(*found, message);
  found->first = found->messages.empty() ? found->last + 1 : found->messages.begin()->first;
  return Done();
}

Status FakeStreams::Server::Remove(const std::string& stream) {
  std::lock_guard lock(mutex_);
  if (streams_.erase(stream) == 0) return NotFound(stream);
  changed_.notify_all();
  return Done();
}

Result<std::vector<io::StreamMessage>> FakeStreams::Server::Read(const std::string& stream,
                                                                 Reading& reading,
                                                                 std::size_t max_bytes,
                                                                 Clock::Time deadline,
                                                                 std::stop_token stop) {
  std::unique_lock lock(mutex_);
  Result<std::vector<io::StreamMessage>> taken = std::vector<io::StreamMessage>();
  changed_.wait_until(lock, stop, deadline, [&] {
    taken = Take(stream, reading, max_bytes);
    return !taken.ok() || !taken.value().empty();
  });
  return taken;
}

Result<std::vector<io::StreamMessage>> FakeStreams::Server::Take(const std::string& name,
                                                                 Reading& reading,
                                                                 std::size_t max_bytes) {
  const Stream* stream = Find(name);
  if (stream == nullptr) return NotFound(name);
  if (reading.created_ns == 0) reading.created_ns = stream->created_ns;
  if (stream->created_ns != reading.created_ns) {
    return Error{Remedy::kStop, "not_found", fmt::format("stream {} was replaced", name)};
  }
  if (stream->last < reading.last_read.rep()) {
    return Error{Remedy::kStop, "not_found", fmt::format("stream {} has lost its tail", name)};
  }
  std::vector<io::StreamMessage> taken;
  std::size_t bytes = 0;
  for (auto at = stream->messages.lower_bound(reading.next.rep()); at != stream->messages.end();
       ++at) {
    if (!taken.empty() && bytes + at->second.data.size() > max_bytes) break;
    bytes += at->second.data.size();
    taken.push_back({StreamSeq(at->first), at->second.subject, at->second.data});
    reading.last_read = StreamSeq(at->first);
    reading.next = StreamSeq(at->first + 1);
  }
  return taken;
}

void FakeStreams::Server::LoseTail(const std::string& stream, StreamSeq keep_up_to) {
  std::lock_guard lock(mutex_);
  Stream* found = Find(stream);
  if (found == nullptr) return;
  while (!found->messages.empty() && found->messages.rbegin()->first > keep_up_to.rep()) {
    Erase(*found, std::prev(found->messages.end()));
  }
  found->last = std::min(found->last, keep_up_to.rep());
  changed_.notify_all();
}

std::vector<io::StreamMessage> FakeStreams::Server::Messages(const std::string& stream) {
  std::lock_guard lock(mutex_);
  std::vector<io::StreamMessage> messages;
  if (const Stream* found = Find(stream)) {
    for (const auto& [seq, message] : found->messages) {
      messages.push_back({StreamSeq(seq), message.subject, message.data});
    }
  }
  return messages;
}

void FakeStreams::Server::SetMaxPayload(std::size_t bytes) {
  std::lock_guard lock(mutex_);
  max_payload_ = bytes;
}

std::size_t FakeStreams::Server::MaxPayload() {
  std::lock_guard lock(mutex_);
  return max_payload_;
}

}  // namespace penstock::testing
