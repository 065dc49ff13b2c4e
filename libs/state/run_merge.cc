#include "state/run_merge.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

#include "state/row_page.h"
#include "state/run_files_inner.h"

namespace penstock::state {

namespace {

// Runs of one class differ in size by less than a factor of four.
std::size_t SizeClass(std::uint64_t rows) {
  return static_cast<std::size_t>(std::bit_width(rows)) / 2;
}

}  // namespace

std::vector<std::size_t> ChooseMerge(std::span<const std::uint64_t> rows, bool idle) {
  constexpr std::size_t kFanIn = 4;
  // Below this much, what is added to a large run is not worth writing that again.
  constexpr std::uint64_t kSmallPart = 8;
  if (rows.size() < 2) return {};
  std::vector<std::size_t> sorted(rows.size());
  std::iota(sorted.begin(), sorted.end(), 0U);
  std::ranges::sort(sorted, {}, [&](std::size_t run) { return rows[run]; });
  const auto first = [&](std::size_t count) {
    return std::vector(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(count));
  };
  for (std::size_t end = sorted.size(); end >= kFanIn; --end) {
    const std::size_t same = SizeClass(rows[sorted[end - 1]]);
    if (SizeClass(rows[sorted[end - kFanIn]]) == same) return first(end);
  }
  if (!idle) return {};
  std::uint64_t smaller = 0;
  for (std::size_t i = 0; i + 1 < sorted.size(); ++i) smaller += rows[sorted[i]];
  if (smaller * kSmallPart >= rows[sorted.back()]) return sorted;
  if (sorted.size() > 2) return first(sorted.size() - 1);
  return {};
}

/// The rows of a run in order, a page at a time.
class RunMerge::Cursor {
 public:
  Cursor(RunFiles& files, const RunInfo& run)
      : folder_(files.inner().options.folder),
        rows_left_(run.rows),
        end_(RocksKey({run.slice, run.number, kFirstFilterPage})),
        end_slice_(end_) {
    rocksdb::ReadOptions read;
    read.iterate_upper_bound = &end_slice_;
    read.fill_cache = false;
    read.readahead_size = 256 << 10;
    pages_.reset(files.inner().db->NewIterator(read));
    pages_->Seek(RocksKey({run.slice, run.number, 0}));
  }

  bool done() const { return at_ == rows_.size(); }
  const FirstRow& row() const { return rows_[at_]; }

  Status Next() {
    if (++at_ < rows_.size()) return Done{};
    pages_->Next();
    return ReadPage();
  }

  /// To be called once, before all others.
  Status ReadPage() {
    at_ = 0;
    rows_.clear();
    if (!pages_->Valid()) {
      if (!pages_->status().ok()) return Failure(pages_->status(), "a run cannot be read", folder_);
      if (rows_left_ != 0) return CorruptStore("a run has lost pages", folder_);
      return Done{};
    }
    if (!view_.Parse(ViewOf(pages_->value()))) return CorruptStore("a page is malformed", folder_);
    if (view_.size() > rows_left_) return CorruptStore("a run has too many rows", folder_);
    rows_left_ -= view_.size();
    for (std::size_t i = 0; i < view_.size(); ++i) rows_.push_back(view_.Row(i));
    return Done{};
  }

 private:
  std::filesystem::path folder_;
  std::uint64_t rows_left_;
  std::string end_;
  rocksdb::Slice end_slice_;
  std::unique_ptr<rocksdb::Iterator> pages_;
  PageView view_;
  std::vector<FirstRow> rows_;
  std::size_t at_ = 0;
};

RunMerge::RunMerge(std::vector<RunInfo> inputs, RunWriter writer)
    : inputs_(std::move(inputs)), writer_(std::move(writer)) {}
RunMerge::~RunMerge() = default;

Result<std::unique_ptr<RunMerge>> RunMerge::Begin(RunFiles& files, std::vector<RunInfo> inputs,
                                                  std::uint64_t number) {
  RunInfo info = *std::ranges::max_element(inputs, {}, &RunInfo::log_order);
  info.number = number;
  info.rows = 0;
  info.replaces.clear();
  for (const RunInfo& input : inputs) {
    info.rows += input.rows;
    if (input.log.created_ns == info.log.created_ns) {
      info.log_from = std::min(info.log_from, input.log_from);
    }
    info.replaces.push_back(input.number);
  }
  PENSTOCK_ASSIGN_OR_RETURN(RunWriter writer, RunWriter::Open(files, std::move(info)));
  std::unique_ptr<RunMerge> merge(new RunMerge(std::move(inputs), std::move(writer)));
  for (const RunInfo& input : merge->inputs_) {
    auto cursor = std::make_unique<Cursor>(files, input);
    PENSTOCK_RETURN_IF_ERROR(cursor->ReadPage());
    if (!cursor->done()) merge->cursors_.push_back(std::move(cursor));
  }
  return merge;
}

Result<bool> RunMerge::Step(std::size_t rows) {
  for (; rows > 0 && !cursors_.empty(); --rows) {
    // A handful of runs: looking at each is faster than a heap.
    std::size_t least = 0;
    for (std::size_t i = 1; i < cursors_.size(); ++i) {
      if (cursors_[i]->row().key < cursors_[least]->row().key) least = i;
    }
    const FirstRow& row = cursors_[least]->row();
    if (row.key != last_key_) written_.clear();
    last_key_ = row.key;
    if (std::ranges::find(written_, row.id) == written_.end()) {
      written_.push_back(row.id);
      PENSTOCK_RETURN_IF_ERROR(writer_.Add(row));
    }
    PENSTOCK_RETURN_IF_ERROR(cursors_[least]->Next());
    if (cursors_[least]->done()) {
      cursors_.erase(cursors_.begin() + static_cast<std::ptrdiff_t>(least));
    }
  }
  return cursors_.empty();
}

}  // namespace penstock::state
