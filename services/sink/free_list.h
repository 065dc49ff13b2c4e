#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace penstock::sink {

/// Things that are costly to make and serve one caller at a time: a connection, large buffers.
/// There are as many as were ever in use at once. Thread-safe; must outlive what it lends.
template <typename T>
class FreeList {
 public:
  struct GiveBack {
    FreeList* owner;
    void operator()(T* item) const {
      std::lock_guard lock(owner->mutex_);
      owner->free_.emplace_back(item);
    }
  };
  using Lent = std::unique_ptr<T, GiveBack>;

  /// One that is free, else a new one from `make`, which returns a unique_ptr.
  template <typename Make>
  Lent Borrow(Make make) {
    {
      std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        T* item = free_.back().release();
        free_.pop_back();
        return Lent(item, GiveBack{this});
      }
    }
    return Lent(make().release(), GiveBack{this});
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<T>> free_;  // Guarded by mutex_.
};

}  // namespace penstock::sink
