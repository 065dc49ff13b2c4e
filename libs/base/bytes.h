#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace penstock {

static_assert(std::endian::native == std::endian::little, "the wire is little-endian, as memory");

/// Reads a number that need not be aligned.
template <typename T>
T LoadUnaligned(const void* from) {
  static_assert(std::is_trivially_copyable_v<T>);
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

/// LEB128, seven bits a byte, low bits first: the same as ClickHouse's and protobuf's.
inline void AppendVarint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

constexpr std::uint64_t ZigZag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t UnZigZag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

template <typename T>
void AppendFixed(std::string& out, T value) {
  static_assert(std::is_trivially_copyable_v<T>);
  char raw[sizeof(T)];
  std::memcpy(raw, &value, sizeof(T));
  out.append(raw, sizeof(T));
}

/// A varint length, then the bytes.
inline void AppendString(std::string& out, std::string_view text) {
  AppendVarint(out, text.size());
  out.append(text);
}

/// Bytes that grow at the end, a value at a time: what a std::string takes a call and a check for
/// each value for is a few instructions here. Keeps its memory when it is emptied. One owner.
class ByteBuffer {
 public:
  ByteBuffer() = default;
  ByteBuffer(const ByteBuffer& other) {
    Reserve(other.size_);
    if (other.size_ > 0) std::memcpy(bytes_.get(), other.bytes_.get(), other.size_);
    size_ = other.size_;
  }
  ByteBuffer(ByteBuffer&& other) noexcept
      : bytes_(std::move(other.bytes_)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  ByteBuffer& operator=(ByteBuffer other) noexcept {
    bytes_ = std::move(other.bytes_);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
    return *this;
  }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::string_view view() const { return {bytes_.get(), size_}; }
  void clear() { size_ = 0; }

  void Byte(char value) {
    Reserve(1);
    bytes_[size_++] = value;
  }
  template <typename T>
  void Fixed(T value) {
    static_assert(std::is_trivially_copyable_v<T>);
    Reserve(sizeof(T));
    std::memcpy(bytes_.get() + size_, &value, sizeof(T));
    size_ += sizeof(T);
  }
  /// As AppendString.
  void String(std::string_view text) {
    constexpr std::size_t kLongestVarint = 10;
    Reserve(kLongestVarint + text.size());
    char* at = bytes_.get() + size_;
    std::uint64_t length = text.size();
    for (; length >= 0x80; length >>= 7) *at++ = static_cast<char>(length | 0x80);
    *at++ = static_cast<char>(length);
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    size_ = static_cast<std::size_t>(at - bytes_.get()) + text.size();
  }
  void Append(std::string_view bytes) {
    if (bytes.empty()) return;
    Reserve(bytes.size());
    std::memcpy(bytes_.get() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void Repeat(char value, std::size_t count) {
    if (count == 0) return;
    Reserve(count);
    std::memset(bytes_.get() + size_, value, count);
    size_ += count;
  }

 private:
  void Reserve(std::size_t more) {
    if (capacity_ - size_ < more) [[unlikely]]
      Grow(more);
  }
  void Grow(std::size_t more) {
    constexpr std::size_t kSmallest = 256;
    const std::size_t capacity = std::max({kSmallest, 2 * capacity_, size_ + more});
    auto bytes = std::make_unique_for_overwrite<char[]>(capacity);
    if (size_ > 0) std::memcpy(bytes.get(), bytes_.get(), size_);
    bytes_ = std::move(bytes);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

/// Reads what the Append functions wrote, from bytes nobody vouches for. The
/// first read past the end or of a malformed varint makes `ok()` false for
/// good, and every read from then on gives zero or empty: check once at the end.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes)
      : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool ok() const { return ok_; }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  const char* at() const { return at_; }

  std::uint64_t Varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at_ == end_) return Fail();
      const auto byte = static_cast<std::uint8_t>(*at_++);
      if (shift == 63 && byte > 1) return Fail();
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    return Fail();
  }

  std::int64_t SignedVarint() { return UnZigZag(Varint()); }

  template <typename T>
  T Fixed() {
    if (left() < sizeof(T)) return static_cast<T>(Fail());
    const T value = LoadUnaligned<T>(at_);
    at_ += sizeof(T);
    return value;
  }

  /// A view into the bytes given to the constructor.
  std::string_view Take(std::uint64_t size) {
    if (size > left()) return Fail(), std::string_view();
    const std::string_view taken(at_, static_cast<std::size_t>(size));
    at_ += size;
    return taken;
  }
  std::string_view String() { return Take(Varint()); }

 private:
  std::uint64_t Fail() {
    ok_ = false;
    at_ = end_;
    return 0;
  }

  const char* at_;
  const char* end_;
  bool ok_ = true;
};

}  // namespace penstock
