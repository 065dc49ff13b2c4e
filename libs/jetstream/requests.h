#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "jetstream/nats_handles.h"

namespace penstock::jetstream {

/// Requests that wait for their answer. Each ends exactly once: with its answer, with the failure
/// to send it, at its deadline, or with the connection. A request whose sending is still under way
/// ends only when that is over, so that its bytes may be borrowed. Thread-safe.
class Requests {
 public:
  using Callback = std::function<void(Result<MessageHandle>)>;

  explicit Requests(const Clock& clock);
  ~Requests();
  Requests(const Requests&) = delete;
  Requests& operator=(const Requests&) = delete;

  /// Takes the request in, before it is sent, and gives it a number.
  std::uint64_t Begin(const std::string& subject, Clock::Duration timeout, Callback done);
  /// Its sending is over; a failure ends it.
  void Sent(std::uint64_t id, Status outcome);
  /// Its answer came. One that nobody waits for any more is dropped.
  void Answer(std::uint64_t id, MessageHandle message);
  /// Ends all with "unavailable".
  void LoseAll(const std::string& why);
  /// Ends those whose subject `complaint` quotes with "refused".
  void RefuseQuoted(const std::string& complaint);

 private:
  struct Waiting {
    std::string subject;
    Clock::Time deadline;
    Callback done;
    bool sending = true;
    std::optional<Error> verdict;  ///< How it ends once its sending is over.
  };
  using Ended = std::pair<Callback, Result<MessageHandle>>;

  void WatchDeadlines(std::stop_token stop);
  /// Ends `id`, or leaves the verdict for Sent. Under the mutex; what ended is called without it.
  void End(std::uint64_t id, Error verdict, std::vector<Ended>& ended);
  std::optional<Callback> Take(std::uint64_t id);
  static void Call(std::vector<Ended>& ended);

  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable_any earlier_;
  std::uint64_t next_id_ = 1;
  std::unordered_map<std::uint64_t, Waiting> waiting_;
  std::set<std::pair<Clock::Time, std::uint64_t>> deadlines_;
  std::jthread watcher_;
};

}  // namespace penstock::jetstream
