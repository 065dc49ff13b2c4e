#include "state/data_page.h"

#include <cstring>

#include "base/hash.h"

namespace penstock::state {

namespace {

constexpr std::size_t kLongestVarint = 10;

char* PutVarint(char* at, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) *at++ = static_cast<char>(value | 0x80);
  *at++ = static_cast<char>(value);
  return at;
}

template <typename T>
void AppendAll(const std::vector<T>& values, std::string& out) {
  out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

}  // namespace

void DataPageWriter::Add(const StoredRow& row) {
  if (highs_.empty()) base_ms_ = row.time_ms;
  highs_.push_back(row.key.high);
  bodies_.Fixed(row.key.low);
  char numbers[3 * kLongestVarint];
  // Differences of any two times are numbers without a sign that wrap around.
  const auto since = [](std::int64_t time, std::int64_t base) {
    return static_cast<std::uint64_t>(time) - static_cast<std::uint64_t>(base);
  };
  char* at = PutVarint(numbers, ZigZag(static_cast<std::int64_t>(since(row.time_ms, base_ms_))));
  at = PutVarint(at, since(row.seen_ms, row.time_ms));
  at = PutVarint(at, row.number);
  bodies_.Append({numbers, static_cast<std::size_t>(at - numbers)});
  bodies_.Append(row.data);
  ends_.push_back(static_cast<std::uint32_t>(bodies_.size()));
}

std::string_view DataPageWriter::Finish() {
  page_.clear();
  AppendFixed(page_, std::uint64_t{0});
  AppendFixed(page_, static_cast<std::uint32_t>(highs_.size()));
  AppendFixed(page_, base_ms_);
  AppendAll(highs_, page_);
  AppendAll(ends_, page_);
  page_.append(bodies_.view());
  const std::uint64_t checksum = Hash64(std::string_view(page_).substr(sizeof(std::uint64_t)));
  std::memcpy(page_.data(), &checksum, sizeof(checksum));
  highs_.clear();
  ends_.clear();
  bodies_.clear();
  return page_;
}

bool DataPageView::Parse(std::string_view bytes) {
  size_ = 0;
  if (bytes.size() < kHead) return false;
  const auto checksum = LoadUnaligned<std::uint64_t>(bytes.data());
  if (Hash64(bytes.substr(sizeof(checksum))) != checksum) return false;
  const std::size_t size = LoadUnaligned<std::uint32_t>(bytes.data() + kCount);
  constexpr std::size_t kFixed = sizeof(std::uint64_t) + sizeof(std::uint32_t);
  if (size == 0 || size > (bytes.size() - kHead) / kFixed) return false;
  bytes_ = bytes;
  base_ms_ = LoadUnaligned<std::int64_t>(bytes.data() + kBase);
  size_ = size;
  bodies_ = kHead + size * kFixed;
  return bodies_ + End(size - 1) == bytes.size();
}

std::uint64_t DataPageView::high(std::size_t row) const {
  return LoadUnaligned<std::uint64_t>(bytes_.data() + kHead + row * sizeof(std::uint64_t));
}

std::uint32_t DataPageView::End(std::size_t row) const {
  const std::size_t ends = kHead + size_ * sizeof(std::uint64_t);
  return LoadUnaligned<std::uint32_t>(bytes_.data() + ends + row * sizeof(std::uint32_t));
}

bool DataPageView::Read(std::size_t row, StoredRow& out) const {
  const std::uint32_t from = row == 0 ? 0 : End(row - 1);
  const std::uint32_t to = End(row);
  if (from > to || to > bytes_.size() - bodies_) return false;
  ByteReader reader(bytes_.substr(bodies_ + from, to - from));
  out.key = {high(row), reader.Fixed<std::uint32_t>()};
  const auto wrapped = static_cast<std::uint64_t>(reader.SignedVarint());
  out.time_ms = static_cast<std::int64_t>(static_cast<std::uint64_t>(base_ms_) + wrapped);
  out.seen_ms =
      static_cast<std::int64_t>(static_cast<std::uint64_t>(out.time_ms) + reader.Varint());
  out.number = reader.Varint();
  out.data = {reader.at(), reader.left()};
  return reader.ok();
}

std::pair<std::size_t, std::size_t> DataPageView::Equal(std::uint64_t wanted) const {
  std::size_t from = 0;
  std::size_t to = size_;
  while (from < to) {
    const std::size_t middle = (from + to) / 2;
    if (high(middle) < wanted) {
      from = middle + 1;
    } else {
      to = middle;
    }
  }
  std::size_t end = from;
  while (end < size_ && high(end) == wanted) ++end;
  return {from, end};
}

}  // namespace penstock::state
