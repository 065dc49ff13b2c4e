#include "expr/arena.h"

#include <algorithm>
#include <cstring>

namespace penstock::expr {

namespace {
constexpr std::size_t kFirstBlock = std::size_t{16} << 10U;
constexpr std::size_t kLargestBlock = std::size_t{1} << 20U;
}  // namespace

void Arena::AddBlock(std::size_t at_least) {
  while (block_ < blocks_.size() && blocks_[block_].size < at_least) ++block_;
  if (block_ == blocks_.size()) {
    const std::size_t usual =
        blocks_.empty() ? kFirstBlock : std::min(blocks_.back().size * 2, kLargestBlock);
    const std::size_t size = std::max(usual, at_least);
    blocks_.push_back({std::make_unique_for_overwrite<std::byte[]>(size), size});
  }
  at_ = blocks_[block_].bytes.get();
  left_ = blocks_[block_].size;
  ++block_;
}

std::string_view Arena::Copy(std::string_view text) {
  if (text.empty()) return {};
  char* const copy = Make<char>(text.size());
  std::memcpy(copy, text.data(), text.size());
  return {copy, text.size()};
}

void Arena::Reset() {
  if (used_ == 0) return;
  std::size_t kept = 0;
  std::size_t blocks = 0;
  while (blocks < blocks_.size() && kept + blocks_[blocks].size <= kKeptBytes) {
    kept += blocks_[blocks++].size;
  }
  if (blocks < blocks_.size()) blocks_.resize(blocks);
  block_ = 0;
  at_ = nullptr;
  left_ = 0;
  used_ = 0;
  if (!blocks_.empty()) AddBlock(0);
}

}  // namespace penstock::expr
