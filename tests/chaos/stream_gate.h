#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "base/clock.h"

namespace penstock::testing {

/// A gate on loopback in front of any TCP server on loopback: the network, as a test wants it. It
/// knows nothing of what goes through. Thread-safe.
class StreamGate {
 public:
  enum class Mode : std::uint8_t {
    kOpen,
    kDelay,       ///< Every byte, either way, takes `delay` longer.
    kCut,         ///< Connections break, and new ones as soon as they are made.
    kBlackHole,   ///< Nothing goes through and nothing breaks; all goes on when this ends.
    kHalfOpen,    ///< The server's side of what is open now is closed, the client's is silent until
                  ///< this ends, and breaks then. New connections are well.
    kCutAnswers,  ///< A connection breaks when the server sends something on it.
  };

  /// `port` 0: a free one. It listens from now on.
  explicit StreamGate(std::uint16_t server_port, std::uint16_t port = 0);
  /// Breaks what is open.
  ~StreamGate();
  StreamGate(const StreamGate&) = delete;
  StreamGate& operator=(const StreamGate&) = delete;

  std::uint16_t port() const { return port_; }
  void Set(Mode mode, std::chrono::milliseconds delay = {});

 private:
  struct Chunk {
    Clock::Time due;
    std::string bytes;
  };
  /// One way of a connection.
  struct Flow {
    std::deque<Chunk> chunks;
    std::size_t held = 0;
    bool ended = false;   // The sender has said all.
    bool closed = false;  // And the receiver knows.
  };
  struct Link {
    int client = -1;
    int server = -1;  // -1: half open.
    Flow up;          // To the server.
    Flow down;
    bool broken = false;
  };

  void Run(const std::stop_token& stop);
  void Accept();
  void TakeMode();
  void Serve(Link& link, short client_events, short server_events);
  /// False: the connection broke.
  bool Read(int from, Flow& flow);
  static bool Write(int to, Flow& flow);
  short EventsOf(const Flow& in, const Flow& out) const;
  Clock::Time NextDue() const;
  static void Break(Link& link);

  const std::uint16_t server_port_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  int wake_[2] = {-1, -1};
  std::mutex mutex_;
  Mode wanted_ = Mode::kOpen;                 // Guarded by mutex_.
  std::chrono::milliseconds wanted_delay_{};  // Guarded by mutex_.
  Mode mode_ = Mode::kOpen;                   // Of the thread, as the rest.
  std::chrono::milliseconds delay_{};
  std::list<Link> links_;
  std::jthread thread_;
};

}  // namespace penstock::testing
