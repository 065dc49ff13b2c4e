#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace penstock::json {

/// A member's name with its quotes, as bytes to compare a record with: four words and no branch
/// on the length, which would be mispredicted from name to name. Names that are longer or need an
/// escape never match.
class NamePattern {
 public:
  /// So many bytes are read.
  static constexpr std::ptrdiff_t kBytes = 32;
  static constexpr std::size_t kMaxName = kBytes - 2;

  explicit NamePattern(std::string_view name) {
    std::array<char, kBytes> bytes{};
    std::array<char, kBytes> mask{};
    if (name.size() > kMaxName || name.find_first_of("\\\"") != std::string_view::npos) {
      // A record's name never begins with a zero byte.
      mask[0] = '\xFF';
    } else {
      bytes[0] = bytes[name.size() + 1] = '"';
      std::memcpy(bytes.data() + 1, name.data(), name.size());
      std::memset(mask.data(), 0xFF, name.size() + 2);
    }
    std::memcpy(words_.data(), bytes.data(), bytes.size());
    std::memcpy(masks_.data(), mask.data(), mask.size());
  }

  bool Matches(const char* text) const {
    Words found;
    std::memcpy(found.data(), text, kBytes);
    std::uint64_t differ = 0;
    for (std::size_t i = 0; i < found.size(); ++i) differ |= (found[i] ^ words_[i]) & masks_[i];
    return differ == 0;
  }

 private:
  using Words = std::array<std::uint64_t, kBytes / sizeof(std::uint64_t)>;

  Words words_;
  Words masks_;
};

}  // namespace penstock::json
