#include "state/run_files.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include <fcntl.h>
#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/table.h>

#include "base/bytes.h"
#include "state/run_files_inner.h"

namespace penstock::state {

namespace {

namespace fs = std::filesystem;

constexpr std::uint8_t kFormat = 1;
// A page is a block of its own when it is larger than this; they are about 4 KiB.
constexpr std::size_t kBlockBytes = 2048;

rocksdb::Options RocksOptions(const StoreResources& resources) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = resources.cache().pages;
  table.block_size = kBlockBytes;
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;
  table.index_block_restart_interval = 4;  // Half the memory of 1, for a few steps more.
  rocksdb::Options options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = rocksdb::kNoCompression;  // Pages are packed, hashes do not compress.
  options.num_levels = 2;  // Files can be deleted by range below level 0 only.
  options.disable_auto_compactions = true;
  options.paranoid_checks = true;
  options.bytes_per_sync = 1 << 20;      // A large run is not written out all at once at its end.
  options.max_open_files = -1;           // All are opened, thus checked, at the start.
  options.write_buffer_size = 64 << 10;  // Nothing is written there.
  options.arena_block_size = 4 << 10;
  options.info_log_level = rocksdb::ERROR_LEVEL;
  options.keep_log_file_num = 1;
  options.max_manifest_file_size = 4 << 20;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.skip_stats_update_on_db_open = true;
  return options;
}

fs::path RocksFolder(const fs::path& folder) {
  return folder / "runs";
}

bool IsEmpty(const fs::path& folder) {
  std::error_code error;
  return fs::is_empty(folder, error) || error;
}

void AppendBigEndian(std::string& out, std::uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i)));
}
std::uint64_t BigEndian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<std::uint8_t>(byte);
  return value;
}

// Negative slices sort before the others.
constexpr std::uint64_t kSign = 1ULL << 63;

Result<Run> ReadHeader(std::string_view header, std::int64_t slice_ms, const fs::path& folder) {
  ByteReader reader(header);
  const auto format = reader.Fixed<std::uint8_t>();
  if (format != kFormat) {
    return CorruptStore(fmt::format("it has format {}, this program's is {}", format, kFormat),
                        folder);
  }
  const std::int64_t its_slice_ms = reader.SignedVarint();
  if (its_slice_ms != slice_ms) {
    return CorruptStore(fmt::format("it was made for another window: slices of {} ms, not {}",
                                    its_slice_ms, slice_ms),
                        folder);
  }
  Run run;
  run.info.rows = reader.Varint();
  run.info.pages = static_cast<std::uint32_t>(reader.Varint());
  run.info.log_from = StreamSeq(reader.Varint());
  run.info.log.created_ns = reader.SignedVarint();
  run.info.log.seq = StreamSeq(reader.Varint());
  run.info.log.digest = reader.Fixed<std::uint64_t>();
  run.info.log_order = reader.Varint();
  const std::uint64_t filter_blocks = reader.Varint();
  for (std::uint64_t left = reader.Varint(); left > 0 && reader.ok(); --left) {
    run.info.replaces.push_back(reader.Varint());
  }
  if (!reader.ok() || reader.left() != 0) return CorruptStore("a header is malformed", folder);
  run.filter = KeyFilter(filter_blocks);
  return run;
}

}  // namespace

StoreResources::StoreResources(std::size_t page_cache_bytes) : cache_(std::make_unique<Cache>()) {
  cache_->pages = rocksdb::NewLRUCache(page_cache_bytes);
}
StoreResources::~StoreResources() = default;

std::string RocksKey(const PageRef& ref) {
  std::string key;
  AppendBigEndian(key, static_cast<std::uint64_t>(ref.slice) ^ kSign, 8);
  AppendBigEndian(key, ref.run, 8);
  AppendBigEndian(key, ref.page, 4);
  return key;
}

bool ReadRocksKey(std::string_view key, PageRef& ref) {
  if (key.size() != 20) return false;
  ref.slice = static_cast<std::int64_t>(BigEndian(key.substr(0, 8)) ^ kSign);
  ref.run = BigEndian(key.substr(8, 8));
  ref.page = static_cast<std::uint32_t>(BigEndian(key.substr(16)));
  return true;
}

void AppendHeader(const RunInfo& run, std::size_t filter_blocks, std::int64_t slice_ms,
                  std::string& out) {
  AppendFixed(out, kFormat);
  AppendVarint(out, ZigZag(slice_ms));
  AppendVarint(out, run.rows);
  AppendVarint(out, run.pages);
  AppendVarint(out, run.log_from.rep());
  AppendVarint(out, ZigZag(run.log.created_ns));
  AppendVarint(out, run.log.seq.rep());
  AppendFixed(out, run.log.digest);
  AppendVarint(out, run.log_order);
  AppendVarint(out, filter_blocks);
  AppendVarint(out, run.replaces.size());
  for (const std::uint64_t number : run.replaces) AppendVarint(out, number);
}

Error CorruptStore(std::string_view what, const fs::path& folder) {
  return Error{
      Remedy::kStop, "corrupt",
      fmt::format("store {}: {}; it has to be made anew from its stream", folder.string(), what)};
}

Error Failure(const rocksdb::Status& status, std::string_view doing, const fs::path& folder) {
  const bool disk = (status.IsIOError() && !status.IsPathNotFound()) || status.IsNoSpace() ||
                    status.IsBusy() || status.IsTimedOut() || status.IsTryAgain() ||
                    status.IsShutdownInProgress();
  const std::string what = fmt::format("{}: {}", doing, status.ToString());
  if (!disk) return CorruptStore(what, folder);
  return Error{Remedy::kRetry, "disk",
               fmt::format("store {}: {}; it needs room and access", folder.string(), what)};
}

Status RunFiles::Inner::Open() {
  const fs::path folder = RocksFolder(options.folder);
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    return Error{
        Remedy::kRetry, "disk",
        fmt::format("store {}: cannot be made: {}", options.folder.string(), error.message())};
  }
  // RocksDB would take a folder that has lost its list of files for a new one.
  rocks.create_if_missing = IsEmpty(folder);
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(rocks, folder.string(), &opened);
  if (!status.ok()) return Failure(status, "cannot be opened", options.folder);
  db.reset(opened);
  failed = false;
  return Done{};
}

RunFiles::RunFiles(std::unique_ptr<Inner> inner) : inner_(std::move(inner)) {}
RunFiles::~RunFiles() = default;

Result<std::unique_ptr<RunFiles>> RunFiles::Open(Options options) {
  auto inner = std::make_unique<Inner>();
  inner->rocks = RocksOptions(*options.resources);
  inner->options = std::move(options);
  PENSTOCK_RETURN_IF_ERROR(inner->Open());
  // Runs that a crash left unfinished.
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(inner->options.folder, ignored)) {
    if (entry.path().extension() == ".run") fs::remove(entry.path(), ignored);
  }
  return std::unique_ptr<RunFiles>(new RunFiles(std::move(inner)));
}

Status RunFiles::Erase(const fs::path& folder) {
  std::error_code error;
  fs::remove_all(folder, error);
  if (!error) return Done{};
  return Error{Remedy::kRetry, "disk",
               fmt::format("store {}: cannot be deleted: {}", folder.string(), error.message())};
}

Result<std::vector<PageRef>> RunFiles::List() {
  std::vector<rocksdb::LiveFileMetaData> files;
  inner_->db->GetLiveFilesMetaData(&files);
  std::vector<PageRef> runs;
  for (const rocksdb::LiveFileMetaData& file : files) {
    if (!ReadRocksKey(file.smallestkey, runs.emplace_back())) {
      return CorruptStore("a key is not its own", folder());
    }
  }
  std::ranges::sort(runs);
  return runs;
}

std::vector<int> RunFiles::OpenFiles(std::span<const PageRef> runs) {
  std::vector<rocksdb::LiveFileMetaData> files;
  inner_->db->GetLiveFilesMetaData(&files);
  std::vector<int> opened(runs.size(), -1);
  for (const rocksdb::LiveFileMetaData& file : files) {
    PageRef ref;
    if (!ReadRocksKey(file.smallestkey, ref)) continue;
    const auto run = std::ranges::find_if(runs, [&](const PageRef& wanted) {
      return wanted.slice == ref.slice && wanted.run == ref.run;
    });
    if (run == runs.end()) continue;
    opened[static_cast<std::size_t>(run - runs.begin())] =
        open((file.db_path + file.name).c_str(), O_RDONLY | O_CLOEXEC);
  }
  return opened;
}

Status RunFiles::ReadPieces(PageRef from, std::string& out) {
  const std::string end = RocksKey({from.slice, from.run, kHeaderPage});
  const rocksdb::Slice bound(end);
  rocksdb::ReadOptions read;
  read.fill_cache = false;
  read.iterate_upper_bound = &bound;
  const std::unique_ptr<rocksdb::Iterator> at(inner_->db->NewIterator(read));
  for (at->Seek(RocksKey(from)); at->Valid(); at->Next()) {
    PageRef found;
    if (!ReadRocksKey(ViewOf(at->key()), found) || found.page != from.page++) {
      return CorruptStore("a run has lost pages", folder());
    }
    out.append(ViewOf(at->value()));
  }
  if (at->status().ok()) return Done{};
  return Failure(at->status(), "a run cannot be read", folder());
}

Result<std::vector<Run>> RunFiles::Load() {
  rocksdb::ReadOptions read;
  read.fill_cache = false;
  read.readahead_size = 256 << 10;
  const std::unique_ptr<rocksdb::Iterator> at(inner_->db->NewIterator(read));
  std::vector<Run> runs;
  std::set<std::uint64_t> replaced;
  PageRef ref;
  for (at->SeekToFirst(); at->Valid(); at->Next()) {
    if (!ReadRocksKey(ViewOf(at->key()), ref))
      return CorruptStore("a key is not its own", folder());
    const std::string header_key = RocksKey({ref.slice, ref.run, kHeaderPage});
    std::string header;
    const auto status = inner_->db->Get(read, header_key, &header);
    if (!status.ok()) return Failure(status, "a run has no header", folder());
    PENSTOCK_ASSIGN_OR_RETURN(Run run, ReadHeader(header, inner_->options.slice_ms, folder()));
    run.info.slice = ref.slice;
    run.info.number = ref.run;
    replaced.insert(run.info.replaces.begin(), run.info.replaces.end());
    PENSTOCK_RETURN_IF_ERROR(LoadFilter(*at, run));
    runs.push_back(std::move(run));
  }
  if (!at->status().ok()) return Failure(at->status(), "cannot be read", folder());
  std::erase_if(runs, [&](const Run& run) {
    if (!replaced.contains(run.info.number)) return false;
    Delete(run.info.slice, run.info.number);
    return true;
  });
  return runs;
}

Status RunFiles::LoadFilter(rocksdb::Iterator& at, Run& run) {
  std::size_t loaded = 0;
  PageRef ref{run.info.slice, run.info.number, kFirstFilterPage};
  for (at.Seek(RocksKey(ref)); at.Valid(); at.Next()) {
    if (!ReadRocksKey(ViewOf(at.key()), ref)) break;
    if (ref.run != run.info.number || ref.page == kHeaderPage) break;
    if (!run.filter.Load(loaded, ViewOf(at.value()))) break;
    loaded += at.value().size();
  }
  if (!at.status().ok()) return Failure(at.status(), "a filter cannot be read", folder());
  if (!at.Valid() || loaded != run.filter.bytes())
    return CorruptStore("a filter has another size", folder());
  return Done{};
}

Status RunFiles::TakeIn(const std::vector<fs::path>& files) {
  if (inner_->failed) PENSTOCK_RETURN_IF_ERROR(Recover());
  rocksdb::IngestExternalFileOptions options;
  options.move_files = true;
  options.snapshot_consistency = false;
  options.allow_global_seqno = false;  // Runs never overlap.
  options.write_global_seqno = false;
  std::vector<std::string> names;
  for (const fs::path& file : files) names.push_back(file.string());
  const auto status =
      inner_->db->IngestExternalFile(inner_->db->DefaultColumnFamily(), names, options);
  std::error_code ignored;
  for (const fs::path& file : files) fs::remove(file, ignored);
  inner_->failed = !status.ok();
  if (!status.ok()) return Failure(status, "a run cannot be taken in", folder());
  return Done{};
}

// RocksDB refuses writes after one that failed until it is told to go on.
Status RunFiles::Recover() {
  const auto status = inner_->db->Resume();
  if (!status.ok()) return Failure(status, "cannot go on after a failure", folder());
  inner_->failed = false;
  return Done{};
}

void RunFiles::Delete(std::int64_t slice, std::uint64_t run) {
  const std::string first = RocksKey({slice, run, 0});
  const std::string last = RocksKey({slice, run, kHeaderPage});
  const rocksdb::Slice from(first);
  const rocksdb::Slice to(last);
  const auto status =
      rocksdb::DeleteFilesInRange(inner_->db.get(), inner_->db->DefaultColumnFamily(), &from, &to);
  if (!status.ok()) inner_->failed = true;
}

Status RunFiles::Read(std::span<const PageRef> pages,
                      const std::function<bool(std::size_t, std::string_view)>& seen) {
  constexpr std::size_t kAtOnce = 32;  // As many as RocksDB looks up together.
  std::array<std::string, kAtOnce> names;
  std::array<rocksdb::Slice, kAtOnce> keys;
  std::array<rocksdb::Status, kAtOnce> statuses;
  for (std::size_t from = 0; from < pages.size(); from += kAtOnce) {
    const std::size_t count = std::min(kAtOnce, pages.size() - from);
    std::array<rocksdb::PinnableSlice, kAtOnce> values;
    for (std::size_t i = 0; i < count; ++i) keys[i] = names[i] = RocksKey(pages[from + i]);
    inner_->db->MultiGet(rocksdb::ReadOptions(), inner_->db->DefaultColumnFamily(), count,
                         keys.data(), values.data(), statuses.data(), true);
    for (std::size_t i = 0; i < count; ++i) {
      if (statuses[i].IsNotFound()) continue;
      if (!statuses[i].ok()) return Failure(statuses[i], "a page cannot be read", folder());
      if (!seen(from + i, ViewOf(values[i]))) return CorruptStore("a page is malformed", folder());
    }
  }
  return Done{};
}

std::uint64_t RunFiles::disk_bytes() const {
  std::uint64_t bytes = 0;
  inner_->db->GetIntProperty("rocksdb.total-sst-files-size", &bytes);
  return bytes;
}

std::uint64_t RunFiles::index_bytes() const {
  std::uint64_t bytes = 0;
  inner_->db->GetIntProperty("rocksdb.estimate-table-readers-mem", &bytes);
  return bytes;
}

const fs::path& RunFiles::folder() const {
  return inner_->options.folder;
}

}  // namespace penstock::state
