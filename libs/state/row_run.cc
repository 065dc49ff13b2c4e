#include "state/row_run.h"

#include <algorithm>

#include <rocksdb/iterator.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/check.h"
#include "state/run_files_inner.h"

namespace penstock::state {

namespace {

// With its key and trailer it is read as one page of the file system, mostly.
constexpr std::size_t kPageBytes = 4000;

template <typename T>
std::string_view BytesOf(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

template <typename T>
bool Load(ByteReader& reader, std::size_t count, std::vector<T>& values) {
  const std::string_view bytes = reader.Take(count * sizeof(T));
  if (!reader.ok()) return false;
  values.resize(count);
  if (count > 0) std::memcpy(values.data(), bytes.data(), bytes.size());
  return true;
}

}  // namespace

RunFile::~RunFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

bool RunFile::Read(std::uint64_t offset, std::span<char> out) const {
  if (descriptor_ < 0) return false;
  const auto read = pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
  return read == static_cast<ssize_t>(out.size());
}

bool RowRun::Remove(std::size_t row, std::size_t data_bytes) {
  if (removed.empty()) removed.resize((rows + 63) / 64);
  std::uint64_t& word = removed[row / 64];
  const std::uint64_t bit = std::uint64_t{1} << (row % 64);
  if ((word & bit) != 0) return false;
  word |= bit;
  --live_rows;
  live_bytes -= std::min<std::uint64_t>(live_bytes, data_bytes);
  return true;
}

std::pair<std::uint32_t, std::uint32_t> RowRun::PagesOf(const KeyHash& key) const {
  // The page before the first that begins with the key may end with it.
  const auto first = std::ranges::lower_bound(highs, key.high);
  const auto after = std::upper_bound(first, highs.end(), key.high);
  const auto before = [&](auto at) {
    return static_cast<std::uint32_t>(at == highs.begin() ? 0 : at - highs.begin() - 1);
  };
  return {before(first), before(after)};
}

std::size_t RowRun::bytes() const {
  return filter.bytes() + BytesOf(highs).size() + BytesOf(pages).size() + BytesOf(removed).size();
}

Result<RowRunWriter> RowRunWriter::Open(RunFiles& files, std::int64_t slice, std::uint64_t number,
                                        std::uint64_t rows) {
  PENSTOCK_ASSIGN_OR_RETURN(RunFileWriter file, RunFileWriter::Open(files, slice, number));
  RowRunWriter writer(std::move(file));
  writer.run_.slice = slice;
  writer.run_.number = number;
  writer.run_.filter = KeyFilter::ForKeys(rows);
  return writer;
}

Status RowRunWriter::Add(const StoredRow& row) {
  if (page_.rows() == 0) {
    run_.highs.push_back(row.key.high);
    run_.pages.push_back({.first_row = static_cast<std::uint32_t>(run_.rows)});
  }
  page_.Add(row);
  run_.filter.Insert(row.key);
  ++run_.rows;
  run_.live_bytes += row.data.size();
  run_.oldest_ms = std::min(run_.oldest_ms, row.time_ms);
  run_.newest_ms = std::max(run_.newest_ms, row.time_ms);
  return page_.bytes() < kPageBytes ? Done{} : WritePage();
}

Status RowRunWriter::WritePage() {
  const std::string_view bytes = page_.Finish();
  PENSTOCK_RETURN_IF_ERROR(file_.Put(static_cast<std::uint32_t>(run_.pages.size() - 1), bytes));
  run_.pages.back().offset = file_.OffsetOfLast(bytes.size());
  run_.pages.back().size = static_cast<std::uint32_t>(bytes.size());
  return Done{};
}

Result<RowRun> RowRunWriter::Finish() {
  if (page_.rows() > 0) PENSTOCK_RETURN_IF_ERROR(WritePage());
  run_.live_rows = run_.rows;
  std::uint32_t page = kFirstFilterPage;
  for (const std::string_view part :
       {run_.filter.Bytes(), BytesOf(run_.highs), BytesOf(run_.pages)}) {
    PENSTOCK_ASSIGN_OR_RETURN(page, file_.PutPieces(page, part));
  }
  std::string header;
  AppendVarint(header, run_.rows);
  AppendVarint(header, run_.live_bytes);
  AppendVarint(header, ZigZag(run_.oldest_ms));
  AppendVarint(header, ZigZag(run_.newest_ms));
  AppendVarint(header, run_.filter.blocks());
  AppendVarint(header, run_.highs.size());
  PENSTOCK_RETURN_IF_ERROR(file_.Put(kHeaderPage, header));
  PENSTOCK_RETURN_IF_ERROR(file_.Finish());
  return std::move(run_);
}

Result<RowRun> LoadRowRun(RunFiles& files, std::int64_t slice, std::uint64_t number) {
  const auto& folder = files.inner().options.folder;
  rocksdb::ReadOptions read;
  read.fill_cache = false;
  std::string header;
  const auto status = files.inner().db->Get(read, RocksKey({slice, number, kHeaderPage}), &header);
  if (!status.ok()) return Failure(status, "a run cannot be read", folder);
  ByteReader reader(header);
  RowRun run;
  run.slice = slice;
  run.number = number;
  run.live_rows = run.rows = reader.Varint();
  run.live_bytes = reader.Varint();
  run.oldest_ms = reader.SignedVarint();
  run.newest_ms = reader.SignedVarint();
  const std::uint64_t blocks = reader.Varint();
  const std::uint64_t pages = reader.Varint();
  if (!reader.ok() || reader.left() != 0 || pages > run.rows) {
    return CorruptStore("a header is malformed", folder);
  }

  std::string bytes;
  PENSTOCK_RETURN_IF_ERROR(files.ReadPieces({slice, number, kFirstFilterPage}, bytes));
  run.filter = KeyFilter(blocks);
  ByteReader parts(bytes);
  const std::string_view filter = parts.Take(run.filter.bytes());
  if (!parts.ok() || !run.filter.Load(0, filter) || !Load(parts, pages, run.highs) ||
      !Load(parts, pages, run.pages) || parts.left() != 0) {
    return CorruptStore("a filter has another size", folder);
  }
  return run;
}

struct RowRunCursor::Pages {
  std::string end;
  rocksdb::Slice end_slice;
  std::unique_ptr<rocksdb::Iterator> at;
};

RowRunCursor::RowRunCursor(RunFiles& files, const RowRun& run)
    : files_(&files), run_(&run), pages_(std::make_unique<Pages>()) {
  pages_->end = RocksKey({run.slice, run.number, kFirstFilterPage});
  pages_->end_slice = pages_->end;
  rocksdb::ReadOptions read;
  read.iterate_upper_bound = &pages_->end_slice;
  read.fill_cache = false;
  read.readahead_size = 256 << 10;
  pages_->at.reset(files.inner().db->NewIterator(read));
  pages_->at->Seek(RocksKey({run.slice, run.number, 0}));
}
RowRunCursor::RowRunCursor(RowRunCursor&&) noexcept = default;
RowRunCursor::~RowRunCursor() = default;

Status RowRunCursor::Next() {
  const auto& folder = files_->inner().options.folder;
  do {
    if (next_ == view_.size()) {
      PENSTOCK_RETURN_IF_ERROR(NextPage());
      if (done_) return Done{};
    }
    place_ = run_->pages[next_page_ - 1].first_row + next_;
    if (place_ >= run_->rows) return CorruptStore("a page is malformed", folder);
    ++next_;
  } while (run_->IsRemoved(place_));
  if (!view_.Read(next_ - 1, row_)) return CorruptStore("a page is malformed", folder);
  return Done{};
}

Status RowRunCursor::NextPage() {
  const auto& folder = files_->inner().options.folder;
  if (next_page_ > 0) pages_->at->Next();
  if (!pages_->at->Valid()) {
    if (!pages_->at->status().ok()) {
      return Failure(pages_->at->status(), "a run cannot be read", folder);
    }
    if (next_page_ != run_->pages.size()) return CorruptStore("a run has lost pages", folder);
    done_ = true;
    return Done{};
  }
  if (next_page_ == run_->highs.size()) return CorruptStore("a run has too many pages", folder);
  if (!view_.Parse(ViewOf(pages_->at->value()))) return CorruptStore("a page is malformed", folder);
  next_ = 0;
  ++next_page_;
  return Done{};
}

}  // namespace penstock::state
