#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "base/clock.h"

namespace penstock::clickhouse {

/// The hosts of a connection, as all clients of a process know them: which are well, how many
/// requests each has, and when one that was not well is asked again. Thread-safe.
///
/// With several hosts, a request goes to a well one with the fewest requests. One that is not known
/// to be well is first asked something that costs nothing (`Visit::doubtful`): one that hangs holds
/// that one request up for a moment, and no other.
class Hosts {
 public:
  /// Requests that a host gets at once; more wait.
  static constexpr std::size_t kMostAtOnce = 8;
  /// For so long a good answer counts.
  static constexpr std::chrono::seconds kFresh{10};

  explicit Hosts(std::vector<std::string> names, const Clock& clock = SystemClock());

  /// A request on its way to a host. Its end must be told, or it counts as stopped.
  class [[nodiscard]] Visit {
   public:
    Visit(Hosts& owner, std::size_t index, bool doubtful)
        : owner_(&owner), index_(index), doubtful_(doubtful) {}
    ~Visit();
    Visit(Visit&& other) noexcept;
    Visit& operator=(Visit&&) = delete;

    const std::string& host() const;
    /// Ask whether it is there before anything large.
    bool doubtful() const { return doubtful_; }
    /// It has answered and can be asked again.
    void Well();
    /// No answer, or one that says that another host should be asked.
    void Unwell();

   private:
    Hosts* owner_;
    std::size_t index_;
    bool doubtful_;
  };

  /// Waits while every well host has enough to do; nothing after the stop.
  std::optional<Visit> Next(std::stop_token stop);

  std::size_t size() const { return hosts_.size(); }
  /// How many answer, as far as is known.
  std::size_t well() const;

 private:
  struct Host {
    std::string name;
    std::size_t requests = 0;
    bool well = false;     // False at first: not known.
    bool probing = false;  // A doubtful request is on its way.
    Clock::Time answered{};
    Clock::Time retry_at{};
    Backoff backoff{std::chrono::milliseconds(500), std::chrono::seconds(30)};
  };

  std::optional<std::size_t> Choose();
  void Leave(std::size_t index, std::optional<bool> well);

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<Host> hosts_;  // Guarded by mutex_.
  std::size_t turn_ = 0;     // Guarded by mutex_.
};

}  // namespace penstock::clickhouse
