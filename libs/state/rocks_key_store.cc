#include "state/rocks_key_store.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "base/format.h"
#include "state/row_page.h"

namespace penstock::state {

namespace {

// A slice into which so many flushes wrote nothing is idle.
constexpr std::uint64_t kIdleFlushes = 8;
// Merges go at this many rows for each that is added: faster than new runs come, and no single
// call takes long.
constexpr std::size_t kMergePace = 8;
// Its run holds no rows, but says how far the store is when no other run does.
constexpr std::int64_t kMarkSlice = std::numeric_limits<std::int64_t>::max();

// The one of the runs, or `other`, that says how far the store is.
const RunInfo* Newest(std::span<const Run> runs, const RunInfo* other) {
  for (const Run& run : runs) {
    if (other == nullptr || run.info.log_order > other->log_order) other = &run.info;
  }
  return other;
}

}  // namespace

RocksKeyStore::RocksKeyStore(Options options)
    : options_(std::move(options)),
      slice_time_(options_.window_ms),
      recent_(options_.recent_rows) {}

Result<std::unique_ptr<RocksKeyStore>> RocksKeyStore::Open(Options options) {
  PENSTOCK_CHECK(options.resources != nullptr, "stores share resources");
  std::unique_ptr<RocksKeyStore> store(new RocksKeyStore(std::move(options)));
  PENSTOCK_RETURN_IF_ERROR(store->Load());
  return store;
}

Status RocksKeyStore::Erase(const std::filesystem::path& folder) {
  return RunFiles::Erase(folder);
}

RocksKeyStore::~RocksKeyStore() {
  merge_.reset();
  // What fails here is in the key log.
  if (files_ != nullptr) static_cast<void>(Flush());
}

Status RocksKeyStore::Load() {
  if (files_ != nullptr) return Done{};
  PENSTOCK_ASSIGN_OR_RETURN(auto files, RunFiles::Open({.folder = options_.folder,
                                                        .slice_ms = slice_time_.ms(),
                                                        .resources = options_.resources}));
  PENSTOCK_ASSIGN_OR_RETURN(std::vector<Run> runs, files->Load());
  for (Run& run : runs) {
    next_run_ = std::max(next_run_, run.info.number + 1);
    slices_[run.info.slice].runs.push_back(std::move(run));
  }
  files_ = std::move(files);
  const RunInfo* newest = nullptr;
  for (const auto& [id, slice] : slices_) newest = Newest(slice.runs, newest);
  log_ = newest == nullptr ? Position{} : newest->log;
  return Done{};
}

Status RocksKeyStore::Find(std::span<const KeyHash> keys, std::vector<Match>& found) {
  found.clear();
  PENSTOCK_RETURN_IF_ERROR(Load());
  recent_.Find(keys, [&](std::size_t index, const FirstRow& row) {
    found.push_back({index, row.id, row.timestamp_ms});
  });
  FindPages(keys);
  PENSTOCK_RETURN_IF_ERROR(ReadPages(keys, found));
  // A row may be in several runs until they are merged.
  const auto order = [](const Match& match) { return std::tuple(match.index, match.id); };
  std::ranges::sort(found, {}, order);
  const auto repeats = std::ranges::unique(found, {}, order);
  found.erase(repeats.begin(), repeats.end());
  return Done{};
}

void RocksKeyStore::FindPages(std::span<const KeyHash> keys) {
  lookups_.clear();
  probes_.clear();
  for (const KeyHash& key : keys) probes_.push_back(KeyFilter::ProbeOf(key));
  for (const auto& [id, slice] : slices_) {
    for (const Run& run : slice.runs) {
      hits_.clear();
      run.filter.Find(probes_, hits_);
      for (const std::uint32_t key : hits_) {
        lookups_.push_back({{id, run.info.number, PageOf(run.info, keys[key])}, key});
      }
    }
  }
  std::ranges::sort(lookups_);
  pages_.clear();
  for (const Lookup& lookup : lookups_) {
    if (pages_.empty() || pages_.back() != lookup.page) pages_.push_back(lookup.page);
  }
}

Status RocksKeyStore::ReadPages(std::span<const KeyHash> keys, std::vector<Match>& found) {
  page_reads_ += pages_.size();
  auto lookup = lookups_.begin();
  return files_->Read(pages_, [&](std::size_t index, std::string_view bytes) {
    if (!page_view_.Parse(bytes)) return false;
    while (lookup->page < pages_[index]) ++lookup;  // Pages that do not exist.
    for (; lookup != lookups_.end() && lookup->page == pages_[index]; ++lookup) {
      const KeyHash& key = keys[lookup->key];
      for (std::size_t at = page_view_.LowerBound(key); at < page_view_.size(); ++at) {
        const FirstRow row = page_view_.Row(at);
        if (row.key != key) break;
        found.push_back({lookup->key, row.id, row.timestamp_ms});
      }
    }
    return true;
  });
}

Status RocksKeyStore::Add(std::span<const FirstRow> rows, const Position& log) {
  PENSTOCK_RETURN_IF_ERROR(Load());
  PENSTOCK_RETURN_IF_ERROR(StepMerge(rows.size() * kMergePace));
  for (std::span<const FirstRow> left = rows; !left.empty();) {
    if (recent_.room() < left.size()) PENSTOCK_RETURN_IF_ERROR(Flush());
    const auto now = left.first(std::min(left.size(), recent_.room()));
    if (recent_.size() == 0) recent_after_ = log_;
    recent_.Add(now);
    for (const FirstRow& row : now) {
      recent_oldest_ms_ = std::min(recent_oldest_ms_, row.timestamp_ms);
    }
    left = left.subspan(now.size());
  }
  log_ = log;
  return Done{};
}

Status RocksKeyStore::Rebase(const Position& log) {
  PENSTOCK_RETURN_IF_ERROR(Load());
  PENSTOCK_RETURN_IF_ERROR(Flush());
  PENSTOCK_RETURN_IF_ERROR(WriteMark(log));
  log_ = log;
  return Done{};
}

Result<StreamSeq> RocksKeyStore::DropBefore(std::int64_t timestamp_ms) {
  PENSTOCK_RETURN_IF_ERROR(Load());
  const std::int64_t kept = slice_time_.Of(timestamp_ms);
  const auto gone = [&](const FirstRow& row) { return slice_time_.Of(row.timestamp_ms) < kept; };
  const bool recent_stay = !std::ranges::all_of(recent_.rows(), gone);
  const Position complete = recent_stay ? recent_after_ : log_;
  StreamSeq first(complete.seq.rep() + 1);
  const RunInfo* newest = nullptr;
  for (auto slice = slices_.lower_bound(kept); slice != slices_.end(); ++slice) {
    newest = Newest(slice->second.runs, newest);
    for (const Run& run : slice->second.runs) {
      const bool of_log = run.info.rows > 0 && run.info.log.created_ns == log_.created_ns;
      if (of_log) first = std::min(first, run.info.log_from);
    }
  }
  // The key log may be purged up to `first` now: the disk must say that nothing of it is missing.
  const bool says_so = newest != nullptr && newest->log.created_ns == log_.created_ns &&
                       newest->log.seq.rep() + 1 >= first.rep();
  if (!says_so && complete != Position{}) PENSTOCK_RETURN_IF_ERROR(WriteMark(complete));

  if (recent_.size() > 0 && slice_time_.Of(recent_oldest_ms_) < kept) {
    recent_.Erase(gone);
    recent_oldest_ms_ = timestamp_ms;
  }
  if (merge_ != nullptr && merge_->slice() < kept) merge_.reset();
  while (!slices_.empty() && slices_.begin()->first < kept) {
    for (const Run& run : slices_.begin()->second.runs) {
      files_->Delete(run.info.slice, run.info.number);
    }
    slices_.erase(slices_.begin());
  }
  return first;
}

Status RocksKeyStore::Reset() {
  merge_.reset();
  slices_.clear();
  recent_.Clear();
  recent_oldest_ms_ = std::numeric_limits<std::int64_t>::max();
  log_ = {};
  files_.reset();
  PENSTOCK_RETURN_IF_ERROR(Erase(options_.folder));
  return Load();
}

RocksKeyStore::Stats RocksKeyStore::stats() const {
  Stats stats{.rows = recent_.size(), .recent_bytes = recent_.bytes(), .page_reads = page_reads_};
  for (const auto& [id, slice] : slices_) {
    stats.runs += slice.runs.size();
    for (const Run& run : slice.runs) {
      stats.rows += run.info.rows;
      stats.filter_bytes += run.filter.bytes();
    }
  }
  if (files_ == nullptr) return stats;
  stats.disk_bytes = files_->disk_bytes();
  stats.index_bytes = files_->index_bytes();
  return stats;
}

// --- from memory to disk ---

std::map<std::int64_t, std::vector<std::uint32_t>> RocksKeyStore::RecentBySlice() const {
  const std::span<const FirstRow> rows = recent_.rows();
  auto by_slice = BySlice(
      rows.size(), [&](std::uint32_t row) { return slice_time_.Of(rows[row].timestamp_ms); },
      slices_);
  for (auto& [slice, its_rows] : by_slice) {
    SortByKey(
        its_rows, [&](std::uint32_t row) -> const KeyHash& { return rows[row].key; },
        [](std::uint32_t, std::uint32_t) { return false; });
  }
  return by_slice;
}

RunInfo RocksKeyStore::NewRun(std::int64_t slice, const Position& log) {
  RunInfo info;
  info.slice = slice;
  info.number = info.log_order = next_run_++;
  info.log = log;
  return info;
}

Status RocksKeyStore::Flush() {
  if (recent_.size() == 0) return Done{};
  std::vector<RunWriter> writers;
  const auto by_slice = RecentBySlice();
  for (const auto& [slice, indexes] : by_slice) {
    RunInfo info = NewRun(slice, log_);
    info.rows = indexes.size();
    info.log_from = StreamSeq(recent_after_.seq.rep() + 1);
    PENSTOCK_ASSIGN_OR_RETURN(RunWriter writer, RunWriter::Open(*files_, std::move(info)));
    for (std::size_t i = 0; i < indexes.size(); ++i) {
      constexpr std::size_t kAhead = 16;  // The rows lie in another order.
      if (i + kAhead < indexes.size()) __builtin_prefetch(&recent_.rows()[indexes[i + kAhead]]);
      PENSTOCK_RETURN_IF_ERROR(writer.Add(recent_.rows()[indexes[i]]));
    }
    writers.push_back(std::move(writer));
  }
  PENSTOCK_RETURN_IF_ERROR(TakeIn(std::move(writers)));
  recent_.Clear();
  recent_oldest_ms_ = std::numeric_limits<std::int64_t>::max();
  ++flushes_;
  for (const auto& [slice, indexes] : by_slice) slices_[slice].written = flushes_;
  may_merge_ = true;
  return Done{};
}

Status RocksKeyStore::TakeIn(std::vector<RunWriter> writers) {
  std::vector<Run> runs;
  std::vector<std::filesystem::path> paths;
  for (RunWriter& writer : writers) {
    PENSTOCK_ASSIGN_OR_RETURN(Run run, writer.Finish());
    runs.push_back(std::move(run));
    paths.push_back(writer.path());
  }
  // All runs of a flush at once, so that the disk always holds a prefix of the key log.
  PENSTOCK_RETURN_IF_ERROR(files_->TakeIn(paths));
  for (Run& run : runs) slices_[run.info.slice].runs.push_back(std::move(run));
  return Done{};
}

Status RocksKeyStore::Replace(const std::vector<RunInfo>& inputs, RunWriter writer) {
  std::vector<RunWriter> writers;
  writers.push_back(std::move(writer));
  // From here on the inputs are garbage, also for who opens the store after a crash.
  PENSTOCK_RETURN_IF_ERROR(TakeIn(std::move(writers)));
  for (const RunInfo& input : inputs) {
    std::erase_if(slices_[input.slice].runs,
                  [&](const Run& run) { return run.info.number == input.number; });
    files_->Delete(input.slice, input.number);
  }
  return Done{};
}

Status RocksKeyStore::WriteMark(const Position& log) {
  std::vector<RunInfo> before;
  RunInfo mark = NewRun(kMarkSlice, log);
  for (const Run& run : slices_[kMarkSlice].runs) {
    before.push_back(run.info);
    mark.replaces.push_back(run.info.number);
  }
  PENSTOCK_ASSIGN_OR_RETURN(RunWriter writer, RunWriter::Open(*files_, std::move(mark)));
  return Replace(before, std::move(writer));
}

// --- merges ---

Status RocksKeyStore::StepMerge(std::size_t rows) {
  if (merge_ == nullptr && may_merge_) PENSTOCK_RETURN_IF_ERROR(BeginMerge());
  if (merge_ == nullptr) return Done{};
  const Result<bool> done = merge_->Step(rows);
  if (done.ok() && !done.value()) return Done{};
  const std::vector<RunInfo> inputs = merge_->inputs();
  RunWriter writer = std::move(*merge_).writer();
  merge_.reset();  // Before the inputs go: it reads them.
  PENSTOCK_RETURN_IF_ERROR(done);
  return Replace(inputs, std::move(writer));
}

Status RocksKeyStore::BeginMerge() {
  for (const auto& [id, slice] : slices_) {
    std::vector<std::uint64_t> sizes;
    for (const Run& run : slice.runs) sizes.push_back(run.info.rows);
    std::vector<RunInfo> inputs;
    for (const std::size_t run : ChooseMerge(sizes, flushes_ >= slice.written + kIdleFlushes)) {
      inputs.push_back(slice.runs[run].info);
    }
    if (inputs.empty()) continue;
    PENSTOCK_ASSIGN_OR_RETURN(merge_, RunMerge::Begin(*files_, std::move(inputs), next_run_++));
    return Done{};
  }
  may_merge_ = false;
  return Done{};
}

}  // namespace penstock::state
