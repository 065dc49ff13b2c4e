#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace penstock::clickhouse {

/// Texts in Native form, one after the other: a varint length, then the bytes. Written for many
/// short ones: those are copied 32 bytes at a time, whatever their length, since there is always
/// room behind the end. One owner thread.
class TextBuffer {
 public:
  std::size_t size() const { return size_; }
  std::string_view view() const { return {data_.get(), size_}; }

  /// `readable` is the end of the bytes around the text that may be read, at or behind its end.
  void AppendText(std::string_view text, const char* readable) {
    if (text.size() > kShort || readable - text.data() < static_cast<std::ptrdiff_t>(kShort)) {
      return AppendText(text);
    }
    Reserve(kShort + 1);
    char* const at = data_.get() + size_;
    *at = static_cast<char>(text.size());
    std::memcpy(at + 1, text.data(), kShort);
    size_ += text.size() + 1;
  }
  [[gnu::noinline]] void AppendText(std::string_view text) {
    constexpr std::size_t kMostLengthBytes = 10;
    Reserve(kMostLengthBytes + text.size());
    std::size_t length = text.size();
    for (; length >= 0x80; length >>= 7) data_[size_++] = static_cast<char>(length | 0x80);
    data_[size_++] = static_cast<char>(length);
    if (!text.empty()) std::memcpy(data_.get() + size_, text.data(), text.size());
    size_ += text.size();
  }
  /// Texts that are in Native form already.
  void Append(std::string_view texts) {
    if (texts.empty()) return;
    Reserve(texts.size());
    std::memcpy(data_.get() + size_, texts.data(), texts.size());
    size_ += texts.size();
  }

  /// Back to a size that it had.
  void Truncate(std::size_t size) { size_ = size; }
  /// Empties it and keeps the memory.
  void Clear() { size_ = 0; }

 private:
  static constexpr std::size_t kShort = 32;

  void Reserve(std::size_t more) {
    if (capacity_ - size_ < more) [[unlikely]] {
      Grow(more);
    }
  }
  [[gnu::noinline]] void Grow(std::size_t more) {
    constexpr std::size_t kLeast = 4096;
    const std::size_t capacity = std::max({2 * capacity_, size_ + more, kLeast});
    auto data = std::make_unique_for_overwrite<char[]>(capacity);
    if (size_ > 0) std::memcpy(data.get(), data_.get(), size_);
    data_ = std::move(data);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace penstock::clickhouse
