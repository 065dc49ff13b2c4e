#include "state/row_page.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "base/bytes.h"
#include "base/check.h"

namespace penstock::state {

namespace {

// A number is read as eight bytes from the byte in which it starts: so these follow the last.
constexpr std::size_t kPadding = sizeof(std::uint64_t);

// Numbers that would not fit into those eight bytes take them all.
unsigned WidthFor(std::uint64_t largest) {
  const auto width = static_cast<unsigned>(std::bit_width(largest));
  return width > 57 ? 64 : width;
}
bool IsWidth(unsigned width) {
  return width <= 57 || width == 64;
}
std::uint64_t BytesFor(std::uint64_t rows, unsigned width) {
  return (rows * width + 7) / 8;
}

std::uint64_t Distance(std::int64_t from, std::int64_t to) {
  return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
}
std::int64_t Moved(std::int64_t from, std::uint64_t by) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(from) + by);
}

void AppendColumn(std::string& out, std::span<const std::uint64_t> numbers, unsigned width) {
  const std::size_t start = out.size();
  out.resize(start + BytesFor(numbers.size(), width) + kPadding);
  char* at = out.data() + start;
  std::uint64_t held = 0;
  unsigned bits = 0;
  for (const std::uint64_t number : numbers) {
    held |= number << bits;
    bits += width;
    if (bits < 64) continue;
    std::memcpy(at, &held, sizeof(held));
    at += sizeof(held);
    bits -= 64;
    held = bits == 0 ? 0 : number >> (width - bits);
  }
  std::memcpy(at, &held, sizeof(held));
  out.resize(out.size() - kPadding);
}

std::uint64_t Largest(std::span<const std::uint64_t> numbers) {
  return *std::ranges::max_element(numbers);
}

bool SamePartition(const RecordId& a, const RecordId& b) {
  return a.partition == b.partition && a.generation == b.generation;
}

}  // namespace

// The partitions of the rows, each with its lowest offset, and of each row which it is.
void PageWriter::FindPartitions(std::span<const FirstRow> rows) {
  partitions_.clear();
  which_.clear();
  for (const FirstRow& row : rows) {
    // Where one of this number was seen last is right nearly always.
    std::uint32_t& at = guess_[static_cast<std::uint32_t>(row.id.partition) % guess_.size()];
    if (at >= partitions_.size() || !SamePartition(partitions_[at], row.id)) {
      for (at = 0; at < partitions_.size() && !SamePartition(partitions_[at], row.id);) ++at;
      if (at == partitions_.size()) partitions_.push_back(row.id);
    }
    partitions_[at].offset = std::min(partitions_[at].offset, row.id.offset);
    which_.push_back(at);
  }
}

void PageWriter::Append(std::span<const FirstRow> rows, std::string& out) {
  PENSTOCK_CHECK(!rows.empty(), "a page has rows");
  FindPartitions(rows);
  const std::uint64_t lowest_high = rows.front().key.high;
  std::int64_t lowest_ms = rows.front().timestamp_ms;
  for (const FirstRow& row : rows) lowest_ms = std::min(lowest_ms, row.timestamp_ms);
  for (auto* column : {&high_, &low_, &offset_, &timestamp_}) column->clear();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const FirstRow& row = rows[i];
    high_.push_back(row.key.high - lowest_high);
    low_.push_back(row.key.low);
    offset_.push_back(Distance(partitions_[which_[i]].offset.rep(), row.id.offset.rep()));
    timestamp_.push_back(Distance(lowest_ms, row.timestamp_ms));
  }
  AppendVarint(out, rows.size());
  AppendVarint(out, partitions_.size());
  for (const RecordId& partition : partitions_) {
    AppendVarint(out, partition.generation);
    AppendVarint(out, ZigZag(partition.partition));
    AppendVarint(out, ZigZag(partition.offset.rep()));
  }
  AppendFixed(out, lowest_high);
  AppendFixed(out, rows.back().key.high);
  AppendFixed(out, lowest_ms);
  const unsigned widths[] = {WidthFor(high_.back()), 32, WidthFor(partitions_.size() - 1),
                             WidthFor(Largest(offset_)), WidthFor(Largest(timestamp_))};
  for (const unsigned width : widths) out.push_back(static_cast<char>(width));
  const std::vector<std::uint64_t>* columns[] = {&high_, &low_, &which_, &offset_, &timestamp_};
  for (std::size_t i = 0; i < std::size(columns); ++i) AppendColumn(out, *columns[i], widths[i]);
  out.append(kPadding, '\0');
}

bool PageView::Parse(std::string_view page) {
  ByteReader reader(page);
  rows_ = reader.Varint();
  const std::uint64_t partitions = reader.Varint();
  if (rows_ == 0 || rows_ > 8 * page.size() || partitions == 0 || partitions > rows_) return false;
  partitions_.clear();
  for (std::uint64_t i = 0; i < partitions && reader.ok(); ++i) {
    RecordId id;
    id.generation = static_cast<std::uint32_t>(reader.Varint());
    id.partition = static_cast<std::int32_t>(reader.SignedVarint());
    id.offset = Offset(reader.SignedVarint());
    partitions_.push_back(id);
  }
  lowest_high_ = reader.Fixed<std::uint64_t>();
  highest_high_ = reader.Fixed<std::uint64_t>();
  lowest_ms_ = reader.Fixed<std::int64_t>();
  Column* const columns[] = {&high_, &low_, &partition_, &offset_, &timestamp_};
  for (Column* column : columns) column->width = reader.Fixed<std::uint8_t>();
  for (Column* column : columns) {
    if (!IsWidth(column->width)) return false;
    column->data = reader.Take(BytesFor(rows_, column->width)).data();
  }
  return reader.ok() && reader.left() == kPadding;
}

FirstRow PageView::Row(std::size_t index) const {
  // The index of a partition is as wide as the list is long: it may point past a list of three.
  const std::size_t partition = std::min(partition_.At(index), partitions_.size() - 1);
  FirstRow row{{lowest_high_ + high_.At(index), LowAt(index)},
               partitions_[partition],
               Moved(lowest_ms_, timestamp_.At(index))};
  row.id.offset = Offset(Moved(row.id.offset.rep(), offset_.At(index)));
  return row;
}

std::size_t PageView::LowerBound(const KeyHash& key) const {
  if (key.high < lowest_high_) return 0;
  if (key.high > highest_high_) return rows_;
  const std::uint64_t high = key.high - lowest_high_;
  const auto before = [&](std::size_t index) {
    const std::uint64_t other = high_.At(index);
    return other != high ? other < high : LowAt(index) < key.low;
  };
  // Hashes lie evenly: a guess is off by a few rows, which is fewer cache lines than halving.
  const double part =
      static_cast<double>(high) / (static_cast<double>(highest_high_ - lowest_high_) + 1);
  std::size_t at = static_cast<std::size_t>(part * static_cast<double>(rows_));
  at = std::min(at, rows_ - 1);
  while (at > 0 && !before(at - 1)) --at;
  while (at < rows_ && before(at)) ++at;
  return at;
}

}  // namespace penstock::state
