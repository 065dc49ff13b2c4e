#include "clickhouse/dictionary.h"

#include <cstring>

#include "base/bytes.h"
#include "base/hash.h"

namespace penstock::clickhouse {

namespace {

constexpr std::size_t kFewSlots = 256;

__extension__ typedef unsigned __int128 Uint128;

std::uint64_t Mix(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<Uint128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// Most values are short: two overlapping loads and a multiplication beat a call.
std::uint64_t HashOf(std::string_view value, std::uint64_t seed) {
  const char* const at = value.data();
  const std::size_t size = value.size();
  if (size > 16) return Mix(Hash64(value) ^ seed, seed | 1);
  std::uint64_t head = 0;
  std::uint64_t tail = 0;
  if (size >= 8) {
    head = LoadUnaligned<std::uint64_t>(at);
    tail = LoadUnaligned<std::uint64_t>(at + size - 8);
  } else if (size >= 4) {
    head = LoadUnaligned<std::uint32_t>(at);
    tail = LoadUnaligned<std::uint32_t>(at + size - 4);
  } else if (size > 0) {
    head = static_cast<unsigned char>(at[0]);
    tail = LoadUnaligned<std::uint8_t>(at + size / 2) * 256U +
           static_cast<unsigned char>(at[size - 1]);
  }
  return Mix(head ^ seed, tail ^ (0x9E37'79B9'7F4A'7C15 + size));
}

// Of equal size; as for the hash, short values are compared without a call.
bool IsSame(const char* a, const char* b, std::size_t size) {
  if (size > 16) return std::memcmp(a, b, size) == 0;
  if (size >= 8) {
    const std::uint64_t heads = LoadUnaligned<std::uint64_t>(a) ^ LoadUnaligned<std::uint64_t>(b);
    return (heads | (LoadUnaligned<std::uint64_t>(a + size - 8) ^
                     LoadUnaligned<std::uint64_t>(b + size - 8))) == 0;
  }
  if (size >= 4) {
    const std::uint32_t heads = LoadUnaligned<std::uint32_t>(a) ^ LoadUnaligned<std::uint32_t>(b);
    return (heads | (LoadUnaligned<std::uint32_t>(a + size - 4) ^
                     LoadUnaligned<std::uint32_t>(b + size - 4))) == 0;
  }
  return size == 0 || (a[0] == b[0] && a[size / 2] == b[size / 2] && a[size - 1] == b[size - 1]);
}

}  // namespace

Dictionary::Dictionary(std::size_t width)
    : width_(width), seed_(Mix(reinterpret_cast<std::uintptr_t>(this) | 1, 0xD6E8'FEB8'6659'FD93)) {
  Clear();
}

std::uint32_t Dictionary::Add(std::string_view value) {
  const std::uint64_t hash = HashOf(value, seed_);
  std::size_t slot = hash & (slots_.size() - 1);
  for (; slots_[slot] != 0; slot = (slot + 1) & (slots_.size() - 1)) {
    const std::uint32_t number = slots_[slot] - 1;
    const Entry& entry = entries_[number];
    if (entry.hash == hash && entry.size == value.size() &&
        IsSame(data_.data() + entry.at, value.data(), value.size())) {
      return number;
    }
  }
  if (entries_.size() * 2 >= slots_.size()) {
    Grow(slots_.size() * 2);
    slot = FreeSlot(hash);
  }
  if (width_ == 0) AppendVarint(data_, value.size());
  entries_.push_back({hash, data_.size(), value.size()});
  data_.append(value);
  slots_[slot] = size();
  return size() - 1;
}

void Dictionary::Clear() {
  data_.clear();
  entries_.clear();
  // One block with many values must not make every later one clear a large table.
  slots_.assign(kFewSlots, 0);
}

void Dictionary::Grow(std::size_t slots) {
  slots_.assign(slots, 0);
  for (std::uint32_t i = 0; i < size(); ++i) slots_[FreeSlot(entries_[i].hash)] = i + 1;
}

std::size_t Dictionary::FreeSlot(std::uint64_t hash) const {
  std::size_t slot = hash & (slots_.size() - 1);
  while (slots_[slot] != 0) slot = (slot + 1) & (slots_.size() - 1);
  return slot;
}

}  // namespace penstock::clickhouse
