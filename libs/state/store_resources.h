#pragma once

#include <cstddef>
#include <memory>

namespace penstock::state {

/// What all stores of a process share: the cache of pages that RocksDB reads. Outlives them.
/// Thread-safe.
class StoreResources {
 public:
  explicit StoreResources(std::size_t page_cache_bytes);
  ~StoreResources();

  class Cache;  ///< RocksDB's.
  const Cache& cache() const { return *cache_; }

 private:
  std::unique_ptr<Cache> cache_;
};

}  // namespace penstock::state
