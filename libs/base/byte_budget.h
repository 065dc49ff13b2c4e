#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

#include "base/check.h"

namespace penstock {

/// Bounds the bytes in flight. A stage takes a Permit before it reads and drops
/// it once the bytes are somebody else's; a full budget is our back-pressure.
class ByteBudget {
 public:
  class [[nodiscard]] Permit {
   public:
    Permit(Permit&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), bytes_(other.bytes_) {}
    Permit& operator=(Permit&&) = delete;
    ~Permit() {
      if (owner_ != nullptr) owner_->Release(bytes_);
    }

   private:
    friend class ByteBudget;
    Permit(ByteBudget* owner, std::size_t bytes) : owner_(owner), bytes_(bytes) {}

    ByteBudget* owner_;
    std::size_t bytes_;
  };

  explicit ByteBudget(std::size_t limit) : limit_(limit) {}
  ~ByteBudget() { PENSTOCK_CHECK(used_ == 0, "a permit outlived its budget"); }

  /// Blocks until the bytes fit. A single request above the limit is let in
  /// alone rather than never. Empty means `stop` was requested.
  std::optional<Permit> Acquire(std::size_t bytes, std::stop_token stop) {
    std::unique_lock lock(mutex_);
    const bool fits = freed_.wait(lock, std::move(stop), [&] {
      // Not used_ + bytes, which could wrap around.
      return used_ == 0 || (used_ <= limit_ && bytes <= limit_ - used_);
    });
    if (!fits) return std::nullopt;
    used_ += bytes;
    return Permit(this, bytes);
  }

 private:
  void Release(std::size_t bytes) {
    {
      std::lock_guard lock(mutex_);
      used_ -= bytes;
    }
    freed_.notify_all();
  }

  const std::size_t limit_;
  std::mutex mutex_;
  std::condition_variable_any freed_;
  std::size_t used_ = 0;  // Guarded by mutex_.
};

}  // namespace penstock
