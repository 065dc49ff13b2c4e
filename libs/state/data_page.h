#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "state/row_store.h"

namespace penstock::state {

/// Packs stored rows into pages, in the order of their keys.
class DataPageWriter {
 public:
  void Add(const StoredRow& row);
  std::size_t rows() const { return highs_.size(); }
  /// About what the page takes.
  std::size_t bytes() const { return bodies_.size() + 12 * highs_.size(); }
  /// The page, until the next call; what is added from now on belongs to the next one.
  std::string_view Finish();

 private:
  std::vector<std::uint64_t> highs_;
  std::vector<std::uint32_t> ends_;
  ByteBuffer bodies_;
  std::int64_t base_ms_ = 0;
  std::string page_;
};

/// A page that is read: a view of its bytes.
class DataPageView {
 public:
  /// False when it is damaged.
  bool Parse(std::string_view bytes);
  std::size_t size() const { return size_; }
  std::uint64_t high(std::size_t row) const;
  /// False when it is malformed.
  bool Read(std::size_t row, StoredRow& out) const;
  /// The rows whose keys have this top half: from, to.
  std::pair<std::size_t, std::size_t> Equal(std::uint64_t high) const;

 private:
  std::uint32_t End(std::size_t row) const;

  // Checksum of what follows, count and base time; then the top halves of the keys, where the
  // bodies end, the bodies.
  static constexpr std::size_t kCount = sizeof(std::uint64_t);
  static constexpr std::size_t kBase = kCount + sizeof(std::uint32_t);
  static constexpr std::size_t kHead = kBase + sizeof(std::int64_t);
  std::string_view bytes_;
  std::size_t size_ = 0;
  std::size_t bodies_ = 0;
  std::int64_t base_ms_ = 0;
};

}  // namespace penstock::state
