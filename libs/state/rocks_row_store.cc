#include "state/rocks_row_store.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/format.h"
#include "state/rocks_row_store_mark.h"
#include "state/run_files_inner.h"

namespace penstock::state {

RocksRowStore::RocksRowStore(Options options)
    : options_(std::move(options)),
      sides_{SideRows(options_.left_window_ms, options_.young_bytes),
             SideRows(options_.right_window_ms, options_.young_bytes)} {}

Result<std::unique_ptr<RocksRowStore>> RocksRowStore::Open(Options options) {
  PENSTOCK_CHECK(options.resources != nullptr, "stores share resources");
  std::unique_ptr<RocksRowStore> store(new RocksRowStore(std::move(options)));
  PENSTOCK_RETURN_IF_ERROR(store->Load());
  return store;
}

Status RocksRowStore::Erase(const std::filesystem::path& folder) {
  return RunFiles::Erase(folder);
}

RocksRowStore::~RocksRowStore() {
  // What fails here is in the streams.
  if (files_ != nullptr) static_cast<void>(Flush());
}

Status RocksRowStore::Load() {
  if (files_ != nullptr) return Done{};
  PENSTOCK_ASSIGN_OR_RETURN(
      files_, RunFiles::Open({.folder = options_.folder, .resources = options_.resources}));
  Status loaded = LoadRuns();
  if (!loaded.ok()) Forget();
  return loaded;
}

Status RocksRowStore::LoadRuns() {
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<PageRef> there, files_->List());
  if (there.empty()) return Done{};
  if (there.back().slice != kMarkSlice) {
    return CorruptStore("nothing says what is in it", options_.folder);
  }
  std::string bytes;
  PENSTOCK_RETURN_IF_ERROR(files_->ReadPieces(there.back(), bytes));
  const SliceSizes slices = {sides_[0].slices.ms(), sides_[1].slices.ms()};
  PENSTOCK_ASSIGN_OR_RETURN(Mark mark, ReadMark(bytes, slices, options_.folder));
  Runs runs;
  std::set<PageRef> known = {there.back()};
  for (Mark::OfRun& run : mark.runs) {
    known.insert({run.slice, run.number, 0});
    PENSTOCK_ASSIGN_OR_RETURN(RowRun loaded, LoadRowRun(*files_, run.slice, run.number));
    const bool fits = run.removed.empty() || run.removed.size() == (loaded.rows + 63) / 64;
    if (!fits || run.live_rows > loaded.rows) {
      return CorruptStore("its mark does not fit a run", options_.folder);
    }
    loaded.removed = std::move(run.removed);
    loaded.live_rows = run.live_rows;
    loaded.live_bytes = run.live_bytes;
    runs.push_back(std::make_unique<RowRun>(std::move(loaded)));
  }
  OpenFiles(runs);
  for (auto& run : runs) Of(SideOf(run->slice)).runs[run->slice].push_back(std::move(run));
  for (const PageRef& run : there) {
    next_run_ = std::max(next_run_, run.run + 1);
    if (!known.contains({run.slice, run.run, 0})) files_->Delete(run.slice, run.run);
  }
  mark_ = there.back();
  state_ = std::move(mark.state);
  return Done{};
}

void RocksRowStore::Forget() {
  merge_.reset();
  sides_ = {SideRows(options_.left_window_ms, options_.young_bytes),
            SideRows(options_.right_window_ms, options_.young_bytes)};
  located_.clear();
  doomed_.clear();
  state_.clear();
  mark_ = {};
  changed_ = must_write_ = false;
  may_merge_ = true;
  files_.reset();
}

Result<std::uint64_t> RocksRowStore::DropBefore(Side which, std::int64_t before_ms) {
  PENSTOCK_RETURN_IF_ERROR(Load());
  if (before_ms <= 0) return 0;  // No time of ours: differences of any others are numbers.
  SideRows& side = Of(which);
  const std::int64_t kept = side.slices.Of(before_ms);
  std::uint64_t dropped = side.young.RemoveBefore(kept * side.slices.ms());
  while (!side.runs.empty() && side.runs.begin()->first < SliceKey(which, kept)) {
    const auto slice = side.runs.begin();
    if (merge_ != nullptr && merge_->slice() == slice->first) merge_.reset();
    if (side.oldest.slice() == slice->first) side.oldest.Clear();
    for (const auto& run : slice->second) {
      dropped += run->live_rows;
      // What is on disk now says that it is there.
      doomed_.push_back({run->slice, run->number, 0});
      std::erase_if(located_, [&](const Located& row) { return row.run == run.get(); });
    }
    side.runs.erase(slice);
    changed_ = true;
  }
  side.told_ms = before_ms;
  if (!side.written_at_ms) side.written_at_ms = before_ms;
  // So what is on disk is never so old that the streams have no more what came since.
  if (before_ms - *side.written_at_ms >= side.window_ms / 2) must_write_ = !Flush().ok();
  return dropped;
}

Status RocksRowStore::Reset() {
  Forget();
  PENSTOCK_RETURN_IF_ERROR(Erase(options_.folder));
  return Load();
}

RocksRowStore::Stats RocksRowStore::stats() const {
  const auto of = [](const SideRows& side) {
    Stats::OfSide sum{side.young.live_rows(), side.young.live_bytes()};
    for (const auto& [slice, runs] : side.runs) {
      for (const auto& run : runs) {
        sum.rows += run->live_rows;
        sum.bytes += run->live_bytes;
      }
    }
    return sum;
  };
  return {.left = of(Of(Side::kLeft)),
          .right = of(Of(Side::kRight)),
          .disk_bytes = files_ == nullptr ? 0 : files_->disk_bytes()};
}

RocksRowStore::Costs RocksRowStore::costs() const {
  Costs costs{.page_reads = page_reads_, .page_reads_by_rocksdb = page_reads_by_rocksdb_};
  for (const SideRows& side : sides_) {
    costs.young_bytes += side.young.bytes();
    for (const auto& [slice, runs] : side.runs) {
      costs.runs += runs.size();
      for (const auto& run : runs) costs.index_bytes += run->bytes();
    }
  }
  if (files_ != nullptr) costs.index_bytes += files_->index_bytes();
  return costs;
}

}  // namespace penstock::state
