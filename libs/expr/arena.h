#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace penstock::expr {

/// Memory of one row: taken piece by piece, given back all at once. Reset keeps the blocks, so
/// that rows of the same kind cost no allocation. Only trivially destructible objects.
class Arena {
 public:
  /// What Reset keeps; a row that needed more gives the rest back.
  static constexpr std::size_t kKeptBytes = std::size_t{4} << 20U;

  std::byte* Bytes(std::size_t size) {
    // Never nothing, so that a null pointer never stands for an empty object.
    size = size == 0 ? 8 : (size + 7) & ~std::size_t{7};
    if (size > left_) AddBlock(size);
    std::byte* const taken = at_;
    at_ += size;
    left_ -= size;
    used_ += size;
    return taken;
  }
  /// Uninitialised room for `count` objects.
  template <typename T>
  T* Make(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= 8);
    return reinterpret_cast<T*>(Bytes(count * sizeof(T)));
  }
  template <typename T>
  const T* Copy(const T& value) {
    return new (Bytes(sizeof(T))) T(value);
  }
  std::string_view Copy(std::string_view text);

  /// Bytes taken since the last Reset.
  std::size_t used() const { return used_; }
  void Reset();

 private:
  struct Block {
    std::unique_ptr<std::byte[]> bytes;
    std::size_t size = 0;
  };
  void AddBlock(std::size_t at_least);

  std::vector<Block> blocks_;
  std::size_t block_ = 0;  ///< The next one to use.
  std::byte* at_ = nullptr;
  std::size_t left_ = 0;
  std::size_t used_ = 0;
};

}  // namespace penstock::expr
