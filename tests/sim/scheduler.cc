#include "sim/scheduler.h"

#include <algorithm>
#include <cstdlib>

#include <sys/mman.h>

#include "base/check.h"
#include "base/format.h"

namespace penstock::sim {

namespace {

constexpr std::size_t kStackBytes = 256 << 10;
constexpr std::size_t kGuardBytes = 4096;
constexpr Scheduler::Time kStart = 1'000'000'000'000;              // Monotonic.
constexpr Scheduler::Time kWallStart = 1'700'000'000'000'000'000;  // Since the epoch.
// What runs takes time, too: a fiber that only looks at the clock gets somewhere.
constexpr Scheduler::Time kStep = 1000;
constexpr std::uint64_t kMostSwitches = 20'000'000;

Scheduler* current = nullptr;

/// Stacks are used again by later fibers: to map one costs more than most fibers' lives.
class Stacks {
 public:
  void* Take() {
    if (!free_.empty()) {
      void* const stack = free_.back();
      free_.pop_back();
      return stack;
    }
    void* const mapped = mmap(nullptr, kStackBytes + kGuardBytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    PENSTOCK_CHECK(mapped != MAP_FAILED, "no memory for a stack");
    PENSTOCK_CHECK(mprotect(mapped, kGuardBytes, PROT_NONE) == 0, "no guard for a stack");
    return static_cast<char*>(mapped) + kGuardBytes;
  }
  void Give(void* stack) { free_.push_back(stack); }

 private:
  std::vector<void*> free_;
};

Stacks& FreeStacks() {
  static Stacks stacks;
  return stacks;
}

bool IsFree(pthread_mutex_t* mutex) {
  if (pthread_mutex_trylock(mutex) != 0) return false;
  pthread_mutex_unlock(mutex);
  return true;
}

}  // namespace

class Scheduler::Fiber {
 public:
  enum class State : std::uint8_t { kReady, kLocking, kWaiting, kJoining, kEnded };

  Fiber() = default;
  ~Fiber() {
    if (stack != nullptr) FreeStacks().Give(stack);
  }
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  bool CanGoOn(Time now) const {
    switch (state) {
      case State::kReady:
        return true;
      case State::kLocking:
        return IsFree(mutex);
      case State::kWaiting:
        return deadline <= now;
      case State::kJoining:
        return joined->state == State::kEnded;
      case State::kEnded:
        return false;
    }
    return false;
  }

  std::string name = "thread";
  State state = State::kReady;
  std::uint64_t turns = 0;
  pthread_mutex_t* mutex = nullptr;  // Of kLocking.
  const void* condition = nullptr;   // Of kWaiting, as is the deadline.
  Time deadline = kNever;
  const Fiber* joined = nullptr;  // Of kJoining.
  ucontext_t context{};
  void* stack = nullptr;  // Null: the real thread's own.
  void* (*start)(void*) = nullptr;
  void* argument = nullptr;
};

Scheduler::Scheduler(Options options) : options_(options), random_(options.seed), now_(kStart) {
  PENSTOCK_CHECK(current == nullptr, "one simulation at a time");
  running_ = fibers_.emplace_back(std::make_unique<Fiber>()).get();
  running_->name = "main";
  current = this;
}

Scheduler::~Scheduler() {
  PENSTOCK_CHECK(fibers_.size() == 1, "every thread has been joined when the simulation ends");
  current = nullptr;
}

Scheduler* Scheduler::Current() {
  return current;
}

Scheduler::Time Scheduler::WallNow() const {
  return kWallStart + now_ - kStart;
}

void Scheduler::Sleep(Time duration) {
  running_->state = Fiber::State::kWaiting;
  running_->condition = nullptr;
  running_->deadline = now_ + duration;
  Block();
}

Scheduler::Fiber* Scheduler::Start(void* (*start)(void*), void* argument) {
  Fiber& fiber = *fibers_.emplace_back(std::make_unique<Fiber>());
  fiber.start = start;
  fiber.argument = argument;
  fiber.stack = FreeStacks().Take();
  PENSTOCK_CHECK(getcontext(&fiber.context) == 0, "no context");
  fiber.context.uc_stack.ss_sp = fiber.stack;
  fiber.context.uc_stack.ss_size = kStackBytes;
  makecontext(&fiber.context, &Scheduler::Enter, 0);
  return &fiber;
}

void Scheduler::Enter() {
  Fiber& self = *current->running_;
  self.start(self.argument);
  self.state = Fiber::State::kEnded;
  current->Block();
}

void Scheduler::Join(Fiber* fiber) {
  running_->state = Fiber::State::kJoining;
  running_->joined = fiber;
  Block();
  std::erase_if(fibers_, [&](const auto& one) { return one.get() == fiber; });
}

void Scheduler::Name(Fiber* fiber, std::string_view name) {
  fiber->name = name;
}

void Scheduler::Lock(pthread_mutex_t* mutex) {
  if (options_.lock_switches > 0 && random_() % options_.lock_switches == 0) Yield();
  while (pthread_mutex_trylock(mutex) != 0) {
    running_->state = Fiber::State::kLocking;
    running_->mutex = mutex;
    Block();
  }
}

bool Scheduler::Wait(const void* condition, pthread_mutex_t* mutex, Time deadline) {
  pthread_mutex_unlock(mutex);
  Fiber& self = *running_;
  self.state = Fiber::State::kWaiting;
  self.condition = condition;
  self.deadline = deadline;
  Block();
  const bool woken = self.condition == nullptr;  // Wake took it out.
  while (pthread_mutex_trylock(mutex) != 0) {
    self.state = Fiber::State::kLocking;
    self.mutex = mutex;
    Block();
  }
  return woken;
}

void Scheduler::Wake(const void* condition, bool all) {
  std::vector<Fiber*> waiting;
  for (const auto& fiber : fibers_) {
    if (fiber->state == Fiber::State::kWaiting && fiber->condition == condition) {
      waiting.push_back(fiber.get());
    }
  }
  if (!all && waiting.size() > 1) waiting = {waiting[random_() % waiting.size()]};
  for (Fiber* const fiber : waiting) {
    fiber->state = Fiber::State::kReady;
    fiber->condition = nullptr;
  }
}

void Scheduler::Yield() {
  running_->state = Fiber::State::kReady;
  Block();
}

// Lets the chosen one go on; returns when that is the caller again.
void Scheduler::Block() {
  Fiber* const self = running_;
  Fiber* const next = Choose();
  next->state = Fiber::State::kReady;
  if (next == self) return;
  running_ = next;
  swapcontext(&self->context, &next->context);
}

Scheduler::Fiber* Scheduler::Choose() {
  if (++switches_at_this_time_ > kMostSwitches) Stuck("somebody turns in circles");
  now_ += kStep;
  ready_.clear();
  Time next = kNever;
  for (const auto& fiber : fibers_) {
    if (fiber->CanGoOn(now_)) ready_.push_back(fiber.get());
    if (fiber->state == Fiber::State::kWaiting) next = std::min(next, fiber->deadline);
  }
  if (ready_.empty()) {
    if (next == kNever) Stuck("everybody waits for somebody else");
    now_ = next;
    switches_at_this_time_ = 0;
    for (const auto& fiber : fibers_) {
      if (fiber->CanGoOn(now_)) ready_.push_back(fiber.get());
    }
  }
  const std::size_t chosen = ready_.size() == 1 ? 0 : random_() % ready_.size();
  ++switches_;
  ++ready_[chosen]->turns;
  trace_ = (trace_ ^ (chosen + static_cast<std::uint64_t>(now_))) * 0x9E3779B97F4A7C15ULL;
  trace_ ^= trace_ >> 29;
  return ready_[chosen];
}

std::string Scheduler::Threads() const {
  static constexpr const char* kStates[] = {"ready", "locking", "waiting", "joining", "ended"};
  std::string text;
  for (const auto& fiber : fibers_) {
    text += fmt::format("  {}: {}, had {} turns", fiber->name,
                        kStates[static_cast<std::size_t>(fiber->state)], fiber->turns);
    if (fiber->state == Fiber::State::kJoining) text += fmt::format(" ({})", fiber->joined->name);
    if (fiber->state == Fiber::State::kWaiting && fiber->deadline != kNever) {
      text += fmt::format(" (for {} ms)", (fiber->deadline - now_) / 1'000'000);
    }
    text += '\n';
  }
  return text;
}

// Nothing can be undone here: fibers stand in the middle of what they do.
void Scheduler::Stuck(const char* why) const {
  fmt::print(stderr, "The simulation of seed {} is stuck: {}.\n{}", options_.seed, why, Threads());
  std::abort();
}

}  // namespace penstock::sim
