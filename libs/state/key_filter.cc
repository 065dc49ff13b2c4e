#include "state/key_filter.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include <sys/mman.h>

#include "base/check.h"

namespace penstock::state {

namespace {
constexpr std::size_t kLine = 64;
// A large filter on small pages costs a miss of the address cache for nearly every probe.
constexpr std::size_t kHugePage = std::size_t{2} << 20;

std::uint64_t Bit(std::uint64_t bits, unsigned word) {
  return bits >> (16 + 6 * word);  // The shift that uses it takes the lowest six bits.
}
}  // namespace

void KeyFilter::Free::operator()(void* memory) const {
  std::free(memory);
}

KeyFilter KeyFilter::ForKeys(std::size_t keys) {
  constexpr std::size_t kBlockBits = 8 * sizeof(Block);
  return keys == 0 ? KeyFilter() : KeyFilter(keys * BitsPerKey(keys) / kBlockBits + 1);
}

KeyFilter::KeyFilter(std::size_t blocks) : blocks_(blocks) {
  if (blocks_ == 0) return;
  const std::size_t page = bytes() >= 2 * kHugePage ? kHugePage : kLine;
  const std::size_t size = (bytes() + page - 1) / page * page;
  void* memory = std::aligned_alloc(page, size);
  PENSTOCK_CHECK(memory != nullptr, "there is memory for a filter");
  // Advice: without huge pages it only is slower.
  if (page == kHugePage) static_cast<void>(madvise(memory, size, MADV_HUGEPAGE));
  std::memset(memory, 0, bytes());
  memory_.reset(static_cast<Block*>(memory));
}

const char* KeyFilter::BytesAt(std::size_t at) const {
  return reinterpret_cast<const char*>(memory_.get()) + at;
}

bool KeyFilter::Load(std::size_t at, std::string_view piece) {
  if (at > bytes() || piece.size() > bytes() - at) return false;
  if (!piece.empty()) std::memcpy(const_cast<char*>(BytesAt(at)), piece.data(), piece.size());
  return true;
}

void KeyFilter::Insert(const KeyHash& key) {
  const Probe probe = ProbeOf(key);
  Block& block = memory_[BlockOf(probe.high)];
  for (unsigned i = 0; i < 8; ++i) block.words[i] |= std::uint64_t{1} << (Bit(probe.bits, i) & 63);
}

bool KeyFilter::MayHold(const Block& block, std::uint64_t bits) {
  // Four words together, without a branch: for a strange key they are enough nearly always.
  const auto word = [&](unsigned i) { return block.words[i] >> (Bit(bits, i) & 63); };
  if ((word(0) & word(1) & word(2) & word(3) & 1) == 0) [[likely]]
    return false;
  return (word(4) & word(5) & word(6) & word(7) & 1) != 0;
}

void KeyFilter::Find(std::span<const Probe> probes, std::vector<std::uint32_t>& found) const {
  if (blocks_ == 0) return;
  constexpr std::size_t kAhead = 16;  // About what a core can have on its way from memory.
  for (std::size_t i = 0; i < std::min(kAhead, probes.size()); ++i) {
    __builtin_prefetch(&memory_[BlockOf(probes[i].high)]);
  }
  for (std::size_t i = 0; i < probes.size(); ++i) {
    if (i + kAhead < probes.size()) {
      __builtin_prefetch(&memory_[BlockOf(probes[i + kAhead].high)]);
    }
    if (MayHold(memory_[BlockOf(probes[i].high)], probes[i].bits)) {
      found.push_back(static_cast<std::uint32_t>(i));
    }
  }
}

}  // namespace penstock::state
