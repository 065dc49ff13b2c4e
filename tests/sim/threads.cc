// Takes the place of the C library's threads and clocks in an executable that links it: the linker
// prefers these definitions, also for what the C++ library calls. See scheduler.h.
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <ctime>
#include <random>
#include <string_view>

#include <dlfcn.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/check.h"
#include "sim/scheduler.h"

namespace {

using penstock::sim::Scheduler;

constexpr Scheduler::Time kSecond = 1'000'000'000;

Scheduler& Simulation() {
  PENSTOCK_CHECK(Scheduler::Current() != nullptr,
                 "this executable has threads in a simulation only");
  return *Scheduler::Current();
}

template <typename Function>
Function* Real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

pthread_t HandleOf(Scheduler::Fiber* fiber) {
  return reinterpret_cast<pthread_t>(fiber);
}
Scheduler::Fiber* FiberOf(pthread_t handle) {
  return reinterpret_cast<Scheduler::Fiber*>(handle);
}

Scheduler::Time TimeOf(const timespec& time) {
  // The library's "for ever" does not fit.
  if (time.tv_sec >= Scheduler::kNever / kSecond) return Scheduler::kNever;
  return time.tv_sec * kSecond + time.tv_nsec;
}

bool IsWall(clockid_t clock) {
  return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
}

int WaitUntil(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
              const timespec& time) {
  Scheduler& simulation = Simulation();
  Scheduler::Time deadline = TimeOf(time);
  if (IsWall(clock) && deadline != Scheduler::kNever) {
    deadline -= simulation.WallNow() - simulation.Now();
  }
  return simulation.Wait(condition, mutex, deadline) ? 0 : ETIMEDOUT;
}

}  // namespace

extern "C" {

int pthread_create(pthread_t* thread, const pthread_attr_t*, void* (*start)(void*),
                   void* argument) {
  *thread = HandleOf(Simulation().Start(start, argument));
  return 0;
}

int pthread_join(pthread_t thread, void** result) {
  Simulation().Join(FiberOf(thread));
  if (result != nullptr) *result = nullptr;
  return 0;
}

int pthread_setname_np(pthread_t thread, const char* name) {
  Simulation().Name(FiberOf(thread), name);
  return 0;
}

int pthread_mutex_lock(pthread_mutex_t* mutex) {
  if (Scheduler* const simulation = Scheduler::Current()) {
    simulation->Lock(mutex);
    return 0;
  }
  return pthread_mutex_trylock(mutex);
}

int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  Simulation().Wait(condition, mutex, Scheduler::kNever);
  return 0;
}

int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                           const timespec* time) {
  return WaitUntil(condition, mutex, CLOCK_REALTIME, *time);
}

int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                           const timespec* time) {
  return WaitUntil(condition, mutex, clock, *time);
}

int pthread_cond_signal(pthread_cond_t* condition) {
  if (Scheduler* const simulation = Scheduler::Current()) simulation->Wake(condition, false);
  return 0;
}

int pthread_cond_broadcast(pthread_cond_t* condition) {
  if (Scheduler* const simulation = Scheduler::Current()) simulation->Wake(condition, true);
  return 0;
}

int sched_yield() {
  if (Scheduler* const simulation = Scheduler::Current()) simulation->Yield();
  return 0;
}

int clock_gettime(clockid_t clock, timespec* time) {
  static auto* const real = Real<int(clockid_t, timespec*)>("clock_gettime");
  const Scheduler* const simulation = Scheduler::Current();
  const bool monotonic = clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE;
  if (simulation == nullptr || (!monotonic && !IsWall(clock))) return real(clock, time);
  const Scheduler::Time now = monotonic ? simulation->Now() : simulation->WallNow();
  time->tv_sec = now / kSecond;
  time->tv_nsec = now % kSecond;
  return 0;
}

// Semaphores and atomics wait by this call; they look again when it comes back.
long syscall(long number, ...) {
  static auto* const real = Real<long(long, ...)>("syscall");
  va_list list;
  va_start(list, number);
  long arguments[6];
  for (long& argument : arguments) argument = va_arg(list, long);
  va_end(list);
  Scheduler* const simulation = Scheduler::Current();
  if (number != SYS_futex || simulation == nullptr) {
    return real(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                arguments[5]);
  }
  simulation->Yield();
  return 0;
}

}  // extern "C"

// What std::random_device draws from.
unsigned int std::random_device::_M_getval() {
  static std::uint64_t outside = 1;
  Scheduler* const simulation = Scheduler::Current();
  return static_cast<unsigned int>(simulation != nullptr ? simulation->Draw() : ++outside);
}
