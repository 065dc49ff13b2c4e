#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace penstock {

/// A first-in first-out queue between threads with a bound on its length.
/// `Close` refuses new items; what is inside can still be taken.
template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t limit) : limit_(limit) {}

  /// Waits for room. False: the queue was closed or `stop` was requested; the item is untouched.
  bool Push(T&& item, std::stop_token stop = {}) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, stop, [&] { return closed_ || items_.size() < limit_; });
    if (closed_ || items_.size() >= limit_) return false;
    items_.push_back(std::move(item));
    lock.unlock();
    filled_.notify_one();
    return true;
  }

  /// Never waits. False: full or closed; the item is untouched.
  bool TryPush(T&& item) {
    {
      std::lock_guard lock(mutex_);
      if (closed_ || items_.size() >= limit_) return false;
      items_.push_back(std::move(item));
    }
    filled_.notify_one();
    return true;
  }

  /// Waits for an item. Empty: stopped, or closed with nothing left.
  std::optional<T> Pop(std::stop_token stop = {}) {
    std::unique_lock lock(mutex_);
    filled_.wait(lock, stop, [&] { return closed_ || !items_.empty(); });
    return TakeFront(lock);
  }

  /// As Pop, but also empty when `deadline` passes first.
  std::optional<T> PopUntil(Clock::Time deadline, std::stop_token stop = {}) {
    std::unique_lock lock(mutex_);
    filled_.wait_until(lock, stop, deadline, [&] { return closed_ || !items_.empty(); });
    return TakeFront(lock);
  }

  /// Takes out what `unwanted` says, wherever it stands.
  template <typename Predicate>
  std::vector<T> TakeIf(Predicate unwanted) {
    std::vector<T> taken;
    {
      std::lock_guard lock(mutex_);
      std::deque<T> kept;
      for (T& item : items_) {
        if (unwanted(item)) {
          taken.push_back(std::move(item));
        } else {
          kept.push_back(std::move(item));
        }
      }
      items_ = std::move(kept);
    }
    room_.notify_all();
    return taken;
  }

  void Close() {
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
    }
    filled_.notify_all();
    room_.notify_all();
  }

  std::size_t size() const {
    std::lock_guard lock(mutex_);
    return items_.size();
  }

 private:
  std::optional<T> TakeFront(std::unique_lock<std::mutex>& lock) {
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    lock.unlock();
    room_.notify_one();
    return item;
  }

  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::condition_variable_any filled_;
  std::condition_variable_any room_;
  std::deque<T> items_;  // Guarded by mutex_, as is closed_.
  bool closed_ = false;
};

}  // namespace penstock
