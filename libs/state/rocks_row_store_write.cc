// How rows get from memory to disk: what is written becomes valid with its mark, all at once.
#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "state/rocks_row_store.h"
#include "state/rocks_row_store_mark.h"
#include "state/run_merge.h"

namespace penstock::state {

namespace {
// Merges go at this many rows for each that is added: faster than new runs come, and no single
// call takes long.
constexpr std::size_t kMergePace = 8;
}  // namespace

bool RocksRowStore::IsFull() const {
  return sides_[0].young.bytes() + sides_[1].young.bytes() >= options_.young_bytes;
}

Status RocksRowStore::Write(const Changes& changes, std::string_view state) {
  PENSTOCK_RETURN_IF_ERROR(Load());
  if (must_write_) PENSTOCK_RETURN_IF_ERROR(Flush());
  PENSTOCK_RETURN_IF_ERROR(StepMerge(changes.added.size() * kMergePace));
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<Located> removed, Locate(changes.removed));

  SideRows& left = Of(Side::kLeft);
  for (const Located& row : removed) {
    if (row.run != nullptr) {
      row.run->Remove(row.place, row.size);
    } else {
      left.young.Remove(static_cast<std::uint32_t>(row.place));
    }
  }
  Of(changes.side).young.Add(changes.added);
  state_ = state;
  changed_ = true;
  // This call has done its work: should it fail, the next one says so.
  if (IsFull()) must_write_ = !Flush().ok();
  return Done{};
}

Status RocksRowStore::WriteYoung(Side which, std::vector<RowRunWriter>& writers) {
  const SideRows& side = Of(which);
  std::vector<std::uint32_t> live;
  for (std::uint32_t place = 0; place < side.young.size(); ++place) {
    if (!side.young.IsRemoved(place)) live.push_back(place);
  }
  auto by_slice = BySlice(
      live.size(),
      [&](std::uint32_t i) { return SliceKey(which, side.slices.Of(side.young.TimeAt(live[i]))); },
      side.runs);
  for (auto& [slice, rows] : by_slice) {
    for (std::uint32_t& row : rows) row = live[row];
    SortByKey(
        rows, [&](std::uint32_t row) -> const KeyHash& { return side.young.KeyAt(row); },
        [&](std::uint32_t a, std::uint32_t b) { return side.young.IsOlder(a, b); });
    PENSTOCK_ASSIGN_OR_RETURN(RowRunWriter writer,
                              RowRunWriter::Open(*files_, slice, next_run_++, rows.size()));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      constexpr std::size_t kAhead = 8;  // The rows lie in another order.
      if (i + kAhead < rows.size()) side.young.Prefetch(rows[i + kAhead]);
      PENSTOCK_RETURN_IF_ERROR(writer.Add(side.young.At(rows[i])));
    }
    writers.push_back(std::move(writer));
  }
  return Done{};
}

Status RocksRowStore::Flush() {
  if (!changed_) return Done{};
  std::vector<RowRunWriter> writers;
  PENSTOCK_RETURN_IF_ERROR(WriteYoung(Side::kLeft, writers));
  PENSTOCK_RETURN_IF_ERROR(WriteYoung(Side::kRight, writers));
  Runs added;
  std::vector<std::filesystem::path> paths;
  for (RowRunWriter& writer : writers) {
    PENSTOCK_ASSIGN_OR_RETURN(RowRun run, writer.Finish());
    added.push_back(std::make_unique<RowRun>(std::move(run)));
    paths.push_back(writer.path());
  }
  // Not before: the merge leaves out what was removed up to now, as the state says.
  std::unique_ptr<RowRunMerge> merge;
  if (merge_ != nullptr && merge_->done()) {
    merge = std::move(merge_);
    may_merge_ = true;
    PENSTOCK_RETURN_IF_ERROR(merge->Finish());
    paths.push_back(merge->path());
    added.push_back(std::make_unique<RowRun>(std::move(*merge).Take()));
  }
  const auto is_merged = [&](const std::unique_ptr<RowRun>& run) {
    return merge != nullptr &&
           std::ranges::find(merge->inputs(), run.get()) != merge->inputs().end();
  };

  std::vector<const RowRun*> runs;
  for (const auto& run : added) runs.push_back(run.get());
  for (const SideRows& side : sides_) {
    for (const auto& [slice, its_runs] : side.runs) {
      for (const auto& run : its_runs) {
        if (!is_merged(run)) runs.push_back(run.get());
      }
    }
  }
  const PageRef mark{kMarkSlice, next_run_++, 0};
  PENSTOCK_ASSIGN_OR_RETURN(RunFileWriter writer,
                            RunFileWriter::Open(*files_, mark.slice, mark.run));
  std::string bytes;
  AppendMark({Of(Side::kLeft).slices.ms(), Of(Side::kRight).slices.ms()}, state_, runs, bytes);
  PENSTOCK_ASSIGN_OR_RETURN(const std::uint32_t pages, writer.PutPieces(0, bytes));
  static_cast<void>(pages);
  PENSTOCK_RETURN_IF_ERROR(writer.Finish());
  paths.push_back(writer.path());
  PENSTOCK_RETURN_IF_ERROR(files_->TakeIn(paths));

  // From here on everything else is garbage, also for who opens the store after a crash.
  for (SideRows& side : sides_) {
    for (auto& [slice, its_runs] : side.runs) {
      for (const auto& run : its_runs) {
        if (is_merged(run)) doomed_.push_back({run->slice, run->number, 0});
      }
      std::erase_if(its_runs, is_merged);
    }
    side.young.Clear();
    side.oldest.Clear();
    side.written_at_ms = side.told_ms;
  }
  located_.clear();
  merge.reset();  // It reads what goes now.
  if (mark_.run != 0) doomed_.push_back(mark_);
  mark_ = mark;
  for (const PageRef& run : doomed_) files_->Delete(run.slice, run.run);
  doomed_.clear();
  OpenFiles(added);
  for (auto& run : added) {
    may_merge_ = true;
    Of(SideOf(run->slice)).runs[run->slice].push_back(std::move(run));
  }
  changed_ = must_write_ = false;
  return Done{};
}

void RocksRowStore::OpenFiles(std::span<const std::unique_ptr<RowRun>> runs) {
  std::vector<PageRef> names;
  for (const auto& run : runs) names.push_back({run->slice, run->number, 0});
  const std::vector<int> files = files_->OpenFiles(names);
  for (std::size_t i = 0; i < runs.size(); ++i) runs[i]->file = RunFile(files[i]);
}

Status RocksRowStore::StepMerge(std::size_t rows) {
  if (merge_ == nullptr && may_merge_) PENSTOCK_RETURN_IF_ERROR(BeginMerge());
  if (merge_ == nullptr || merge_->done()) return Done{};
  Status stepped = merge_->Step(rows);
  if (!stepped.ok()) {
    merge_.reset();
    may_merge_ = true;
  }
  return stepped;
}

Status RocksRowStore::BeginMerge() {
  for (const SideRows& side : sides_) {
    for (const auto& [slice, runs] : side.runs) {
      std::vector<std::uint64_t> sizes;
      for (const auto& run : runs) sizes.push_back(run->live_rows);
      std::vector<const RowRun*> inputs;
      for (const std::size_t run : ChooseMerge(sizes, false)) inputs.push_back(runs[run].get());
      if (inputs.empty()) continue;
      PENSTOCK_ASSIGN_OR_RETURN(merge_,
                                RowRunMerge::Begin(*files_, std::move(inputs), next_run_++));
      return Done{};
    }
  }
  may_merge_ = false;
  return Done{};
}

}  // namespace penstock::state
