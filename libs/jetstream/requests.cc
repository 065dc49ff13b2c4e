#include "jetstream/requests.h"

#include "base/format.h"
#include "base/thread.h"
#include "jetstream/errors.h"

namespace penstock::jetstream {
namespace {

/// 'Permissions Violation for Publish to "a.b"'
bool Quotes(const std::string& complaint, const std::string& subject) {
  return complaint.find(fmt::format("\"{}\"", subject)) != complaint.npos;
}

}  // namespace

Requests::Requests(const Clock& clock) : clock_(clock) {
  watcher_ = StartThread("nats-deadlines",
                         [this](std::stop_token stop) { WatchDeadlines(std::move(stop)); });
}

Requests::~Requests() {
  watcher_ = {};
  LoseAll("the connection was closed");
}

std::uint64_t Requests::Begin(const std::string& subject, Clock::Duration timeout, Callback done) {
  const Clock::Time deadline = clock_.Now() + timeout;
  std::uint64_t id = 0;
  bool first = false;
  {
    std::lock_guard lock(mutex_);
    id = next_id_++;
    waiting_.emplace(id, Waiting{subject, deadline, std::move(done), true, std::nullopt});
    deadlines_.emplace(deadline, id);
    first = deadlines_.begin()->second == id;
  }
  if (first) earlier_.notify_one();
  return id;
}

std::optional<Requests::Callback> Requests::Take(std::uint64_t id) {
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return std::nullopt;
  Callback done = std::move(found->second.done);
  deadlines_.erase({found->second.deadline, id});
  waiting_.erase(found);
  return done;
}

void Requests::End(std::uint64_t id, Error verdict, std::vector<Ended>& ended) {
  Waiting& request = waiting_.at(id);
  if (request.sending) {
    deadlines_.erase({request.deadline, id});
    request.verdict = std::move(verdict);
    return;
  }
  ended.emplace_back(*Take(id), std::move(verdict));
}

void Requests::Call(std::vector<Ended>& ended) {
  for (auto& [done, result] : ended) done(std::move(result));
}

void Requests::Sent(std::uint64_t id, Status outcome) {
  std::vector<Ended> ended;
  {
    std::lock_guard lock(mutex_);
    const auto found = waiting_.find(id);
    if (found == waiting_.end()) return;  // The answer was faster.
    found->second.sending = false;
    std::optional<Error> verdict = std::move(found->second.verdict);
    if (!outcome.ok()) verdict = std::move(outcome).error();
    if (verdict.has_value()) End(id, *std::move(verdict), ended);
  }
  Call(ended);
}

void Requests::Answer(std::uint64_t id, MessageHandle message) {
  std::optional<Callback> done;
  std::string subject;
  {
    std::lock_guard lock(mutex_);
    const auto found = waiting_.find(id);
    if (found == waiting_.end()) return;
    subject = found->second.subject;
    done = Take(id);
  }
  if (natsMsg_IsNoResponders(message.get())) {
    const bool api = subject.starts_with("$JS.API.");
    (*done)(Unavailable(fmt::format("nobody answers to {}{}", subject,
                                    api ? ": JetStream is not enabled or has no leader" : "")));
  } else {
    (*done)(std::move(message));
  }
}

void Requests::LoseAll(const std::string& why) {
  std::vector<Ended> ended;
  {
    std::lock_guard lock(mutex_);
    std::vector<std::uint64_t> ids;
    for (const auto& [id, request] : waiting_) ids.push_back(id);
    for (const std::uint64_t id : ids) {
      const std::string subject = waiting_.at(id).subject;
      End(id, Unavailable(fmt::format("no answer to {}: {}", subject, why)), ended);
    }
  }
  Call(ended);
}

void Requests::RefuseQuoted(const std::string& complaint) {
  std::vector<Ended> ended;
  {
    std::lock_guard lock(mutex_);
    std::vector<std::uint64_t> ids;
    for (const auto& [id, request] : waiting_) {
      if (Quotes(complaint, request.subject)) ids.push_back(id);
    }
    for (const std::uint64_t id : ids) End(id, Refused(complaint), ended);
  }
  Call(ended);
}

void Requests::WatchDeadlines(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    if (deadlines_.empty()) {
      earlier_.wait(lock, stop, [&] { return !deadlines_.empty(); });
      continue;
    }
    const auto [deadline, id] = *deadlines_.begin();
    if (clock_.Now() < deadline) {
      earlier_.wait_until(lock, stop, deadline, [&, first = id] {
        return deadlines_.empty() || deadlines_.begin()->second != first;
      });
      continue;
    }
    std::vector<Ended> ended;
    const std::string subject = waiting_.at(id).subject;
    End(id, Unavailable(fmt::format("no answer to {} in time", subject)), ended);
    lock.unlock();
    Call(ended);
    lock.lock();
  }
}

}  // namespace penstock::jetstream
