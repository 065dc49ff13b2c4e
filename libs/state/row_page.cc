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

// Appends a number a row; `number` gives it.
template <typename Number>
void AppendColumn(std::string& out, std::span<const FirstRow> rows, unsigned width,
                  const Number& number) {
  const std::size_t start = out.size();
  out.resize(start + BytesFor(rows.size(), width) + kPadding);
  char* at = out.data() + start;
  std::uint64_t held = 0;
  unsigned bits = 0;
  for (const FirstRow& row : rows) {
    const std::uint64_t value = number(row);
    held |= value << bits;
    bits += width;
    if (bits < 64) continue;
    std::memcpy(at, &held, sizeof(held));
    at += sizeof(held);
    bits -= 64;
    held = bits == 0 ? 0 : value >> (width - bits);
  }
  std::memcpy(at, &held, sizeof(held));
  out.resize(out.size() - kPadding);
}

// The partitions of the rows, each with its lowest offset. Few: searched from the front.
class Partitions {
 public:
  explicit Partitions(std::span<const FirstRow> rows) {
    for (const FirstRow& row : rows) {
      const std::size_t at = IndexOf(row.id);
      if (at == list_.size()) list_.push_back(row.id);
      list_[at].offset = std::min(list_[at].offset, row.id.offset);
    }
  }
  const std::vector<RecordId>& list() const { return list_; }
  std::size_t IndexOf(const RecordId& id) const {
    if (last_ < list_.size() && Same(list_[last_], id)) return last_;
    for (last_ = 0; last_ < list_.size() && !Same(list_[last_], id);) ++last_;
    return last_;
  }

 private:
  static bool Same(const RecordId& a, const RecordId& b) {
    return a.partition == b.partition && a.generation == b.generation;
  }

  std::vector<RecordId> list_;
  mutable std::size_t last_ = 0;
};

}  // namespace

void AppendPage(std::span<const FirstRow> rows, std::string& out) {
  PENSTOCK_CHECK(!rows.empty(), "a page has rows");
  const Partitions partitions(rows);
  const auto [oldest, newest] = std::ranges::minmax_element(rows, {}, &FirstRow::timestamp_ms);
  const std::uint64_t lowest_high = rows.front().key.high;
  const std::int64_t lowest_ms = oldest->timestamp_ms;
  const auto offset = [&](const FirstRow& row) {
    return Distance(partitions.list()[partitions.IndexOf(row.id)].offset.rep(),
                    row.id.offset.rep());
  };
  std::uint64_t longest = 0;
  for (const FirstRow& row : rows) longest = std::max(longest, offset(row));

  AppendVarint(out, rows.size());
  AppendVarint(out, partitions.list().size());
  for (const RecordId& partition : partitions.list()) {
    AppendVarint(out, partition.generation);
    AppendVarint(out, ZigZag(partition.partition));
    AppendVarint(out, ZigZag(partition.offset.rep()));
  }
  AppendFixed(out, lowest_high);
  AppendFixed(out, lowest_ms);
  const unsigned widths[] = {WidthFor(rows.back().key.high - lowest_high), 32,
                             WidthFor(partitions.list().size() - 1), WidthFor(longest),
                             WidthFor(Distance(lowest_ms, newest->timestamp_ms))};
  for (const unsigned width : widths) out.push_back(static_cast<char>(width));
  AppendColumn(out, rows, widths[0],
               [&](const FirstRow& row) { return row.key.high - lowest_high; });
  AppendColumn(out, rows, widths[1], [](const FirstRow& row) { return row.key.low; });
  AppendColumn(out, rows, widths[2],
               [&](const FirstRow& row) { return partitions.IndexOf(row.id); });
  AppendColumn(out, rows, widths[3], offset);
  AppendColumn(out, rows, widths[4],
               [&](const FirstRow& row) { return Distance(lowest_ms, row.timestamp_ms); });
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
  lowest_ms_ = reader.Fixed<std::int64_t>();
  Column* const columns[] = {&high_, &low_, &partition_, &offset_, &timestamp_};
  for (Column* column : columns) column->width = reader.Fixed<std::uint8_t>();
  for (Column* column : columns) {
    if (!IsWidth(column->width)) return false;
    column->data = reader.Take(BytesFor(rows_, column->width)).data();
  }
  return reader.ok() && reader.left() == kPadding;
}

std::uint64_t PageView::Column::At(std::size_t index) const {
  const std::size_t bit = index * width;
  const auto word = LoadUnaligned<std::uint64_t>(data + bit / 8);
  if (width == 64) return word;
  return (word >> (bit % 8)) & ((std::uint64_t{1} << width) - 1);
}

KeyHash PageView::KeyAt(std::size_t index) const {
  return {lowest_high_ + high_.At(index), static_cast<std::uint32_t>(low_.At(index))};
}

FirstRow PageView::Row(std::size_t index) const {
  // The index of a partition is as wide as the list is long: it may point past a list of three.
  const std::size_t partition = std::min(partition_.At(index), partitions_.size() - 1);
  FirstRow row{KeyAt(index), partitions_[partition], Moved(lowest_ms_, timestamp_.At(index))};
  row.id.offset = Offset(Moved(row.id.offset.rep(), offset_.At(index)));
  return row;
}

std::size_t PageView::LowerBound(const KeyHash& key) const {
  std::size_t from = 0;
  for (std::size_t left = rows_; left > 0;) {
    const std::size_t half = left / 2;
    if (KeyAt(from + half) < key) {
      from += half + 1;
      left -= half + 1;
    } else {
      left = half;
    }
  }
  return from;
}

}  // namespace penstock::state
