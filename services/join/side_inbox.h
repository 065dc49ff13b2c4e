#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/clock.h"
#include "io/stream.h"
#include "model/plan.h"

namespace penstock::join {

/// The next messages of both sides of a shard, read ahead by a thread each, up to a bound.
///
/// Threads: two of its own; the methods are the owner's.
class SideInbox {
 public:
  struct Options {
    std::string name;                    ///< Of its threads.
    std::array<std::string, 2> streams;  ///< By side.
    std::array<StreamSeq, 2> from;
    std::size_t held_bytes = 2 << 20;  ///< Of a side; at least a message.
  };
  struct Parts {
    io::Streams& streams;
    const Clock& clock;
    std::function<void(const Error&)> waits;  ///< Called from its threads.
  };
  SideInbox(Options options, Parts parts);
  ~SideInbox();

  /// Chooses among the sides that have a message.
  using Choose = std::function<std::optional<Side>(bool left, bool right)>;
  struct Taken {
    Side side = Side::kLeft;
    io::StreamMessage message;
  };
  /// The next message of the side that `choose` says; empty: `deadline` or `stop` came first, or
  /// a reader has failed.
  std::optional<Taken> Take(const Choose& choose, Clock::Time deadline, std::stop_token stop);

  /// What ended a reader.
  std::optional<Error> failure() const;

 private:
  void Read(std::size_t side, std::stop_token stop);

  const Options options_;
  Parts parts_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  // Guarded by mutex_.
  std::array<std::deque<io::StreamMessage>, 2> messages_;
  std::array<std::size_t, 2> bytes_{};
  std::optional<Error> failure_;

  std::array<std::jthread, 2> threads_;
};

}  // namespace penstock::join
