#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <pthread.h>
#include <ucontext.h>

namespace penstock::sim {

/// While one lives, every thread of this process is a fiber of the one real thread, and time is
/// virtual: one fiber runs at a time, until it waits or, by the seed's choice, wants a lock; which
/// one goes on is the seed's choice; when all of them wait, the time is that of the next deadline.
/// So one seed gives the same run again, and an hour of waiting costs nothing.
///
/// The code that is simulated knows nothing of it: it uses std::jthread, std::mutex,
/// std::condition_variable, std::counting_semaphore and the standard clocks, and threads.cc takes
/// the place of the functions of the C library that these call. An executable that links it can
/// have threads in a simulation only.
///
/// At most one at a time, made and destroyed by the real thread; all others have been joined by
/// then.
class Scheduler {
 public:
  /// Nanoseconds of virtual time.
  using Time = std::int64_t;
  static constexpr Time kNever = INT64_MAX;

  struct Options {
    std::uint64_t seed = 1;
    unsigned lock_switches = 0;  ///< One lock in so many lets another fiber go first; 0: none.
  };

  explicit Scheduler(Options options);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Null outside of a simulation.
  static Scheduler* Current();

  /// Since the start of the simulation, plus a fixed start that is far from zero.
  Time Now() const { return now_; }
  Time WallNow() const;
  /// Lets time pass for the calling fiber.
  void Sleep(Time duration);
  /// The seed's next number: where the simulated code would ask the machine for chance.
  std::uint64_t Draw() { return random_(); }
  /// A digest of every choice so far: two runs with the same one were the same.
  std::uint64_t trace() const { return trace_; }
  std::uint64_t switches() const { return switches_; }
  /// What each thread does, a line each: for a run that is stuck.
  std::string Threads() const;

  // What threads.cc calls.
  class Fiber;
  Fiber* Start(void* (*start)(void*), void* argument);
  void Join(Fiber* fiber);
  void Name(Fiber* fiber, std::string_view name);
  void Lock(pthread_mutex_t* mutex);
  /// False: the deadline has passed.
  bool Wait(const void* condition, pthread_mutex_t* mutex, Time deadline);
  void Wake(const void* condition, bool all);
  void Yield();

 private:
  static void Enter();
  void Block();
  Fiber* Choose();
  [[noreturn]] void Stuck(const char* why) const;

  const Options options_;
  std::mt19937_64 random_;
  Time now_;
  std::uint64_t trace_ = 0;
  std::uint64_t switches_ = 0;
  std::uint64_t switches_at_this_time_ = 0;
  std::vector<std::unique_ptr<Fiber>> fibers_;  ///< The first is the real thread's own.
  Fiber* running_;
  std::vector<Fiber*> ready_;  ///< Choose's, kept for its memory.
};

}  // namespace penstock::sim
