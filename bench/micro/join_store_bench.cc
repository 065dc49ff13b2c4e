// The row store of a join: what the stage does for each message (find partners, remove left rows
// that have one, add the others), over one store and over twelve. A row is of about 100 bytes, its
// key any of 500,000, its side the left as often as the right. "strange": no key comes twice,
// all rows are held. Items are input rows. CPU is that of the whole process, all threads.
//
// PENSTOCK_BENCH_FOLDER says where the stores lie (default: the folder for temporary files).
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

#include <benchmark/benchmark.h>

#include "base/check.h"
#include "base/hash.h"
#include "state/rocks_row_store.h"

namespace penstock::state {
namespace {

constexpr std::size_t kBatchRows = 4000;
constexpr std::uint64_t kKeys = 500'000;
constexpr std::uint64_t kStrangeKeys = std::uint64_t{1} << 62;
constexpr std::int64_t kWindowMs = 3600 * 1000;
constexpr std::size_t kPageCacheBytes = 32 << 20;
// Memory for young rows, of all stores together.
constexpr std::size_t kYoungBytes = 144 << 20;
constexpr std::size_t kMostYoungBytes = 32 << 20;

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double ResidentMiB() {
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> pages;
  return static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

std::filesystem::path Folder() {
  const char* base = std::getenv("PENSTOCK_BENCH_FOLDER");
  const std::filesystem::path root = base ? base : std::filesystem::temp_directory_path();
  return root / ("join-store-bench-" + std::to_string(getpid()));
}

KeyHash KeyOf(std::uint64_t number) {
  const Hash128 hash = HashOf128({reinterpret_cast<const char*>(&number), sizeof(number)});
  return {hash.high, static_cast<std::uint32_t>(hash.low)};
}

void Check(const Status& status) {
  PENSTOCK_CHECK(status.ok(), status.error().detail);
}

/// What is measured: the calls of the store, as an inner join makes them.
class Join {
 public:
  Join(std::size_t stores, std::uint64_t rows, std::uint64_t keys) : rows_(rows), keys_(keys) {
    for (std::size_t i = 0; i < stores; ++i) {
      auto opened =
          RocksRowStore::Open({.folder = Folder() / std::to_string(i),
                               .left_window_ms = kWindowMs,
                               .right_window_ms = kWindowMs,
                               .resources = &resources_,
                               .young_bytes = std::min(kMostYoungBytes, kYoungBytes / stores)});
      PENSTOCK_CHECK(opened.ok(), opened.error().detail);
      stores_.push_back(std::move(opened).value());
    }
    batches_.resize(stores);
    data_.resize(100);
    for (char& byte : data_) byte = static_cast<char>('a' + random_() % 26);
  }
  ~Join() {
    stores_.clear();
    std::filesystem::remove_all(Folder());
  }

  // The next message of one side for each store; false when all rows have come.
  bool Make() {
    if (next_ >= rows_) return false;
    side_ = side_ == Side::kLeft ? Side::kRight : Side::kLeft;
    for (Batch& batch : batches_) batch.queries.clear(), batch.rows.clear();
    for (std::size_t i = 0; i < kBatchRows && next_ < rows_; ++i, ++next_) {
      // All rows lie in one window.
      const auto time = static_cast<std::int64_t>(
          1'700'000'000'000 + next_ * static_cast<std::uint64_t>(kWindowMs) / rows_);
      const KeyHash key = KeyOf(random_() % keys_);
      Batch& batch = batches_[key.high % batches_.size()];
      batch.queries.push_back({key, time - kWindowMs, time + kWindowMs});
      batch.rows.push_back({key, time, time, next_ + 1, data_});
    }
    return true;
  }

  void Take() {
    for (std::size_t i = 0; i < stores_.size(); ++i) Take(*stores_[i], batches_[i]);
  }

  std::uint64_t matched() const { return matched_; }
  std::vector<std::unique_ptr<RocksRowStore>>& stores() { return stores_; }
  std::int64_t now_ms() const { return batches_[0].rows.back().time_ms; }

 private:
  struct Batch {
    std::vector<RowStore::Query> queries;
    std::vector<StoredRow> rows;
  };

  void Take(RowStore& store, Batch& batch) {
    if (side_ == Side::kRight) {
      Check(store.FindAll(Side::kLeft, batch.queries, found_));
      removed_.clear();
      for (const auto& match : found_) {
        // Two rows of a message may find the same.
        if (removed_.empty() || removed_.back().number != match.row.number) {
          removed_.push_back(match.row);
        }
      }
      matched_ += removed_.size();
      Check(store.Write({Side::kRight, batch.rows, removed_}, state_));
      return;
    }
    Check(store.FindNewest(Side::kRight, batch.queries, found_));
    matched_ += found_.size();
    added_.clear();
    auto match = found_.begin();
    for (std::size_t i = 0; i < batch.rows.size(); ++i) {
      if (match != found_.end() && match->query == i) {
        ++match;
      } else {
        added_.push_back(batch.rows[i]);
      }
    }
    Check(store.Write({Side::kLeft, added_, {}}, state_));
  }

  std::uint64_t rows_;
  std::uint64_t keys_;
  StoreResources resources_{kPageCacheBytes};
  std::vector<std::unique_ptr<RocksRowStore>> stores_;
  std::mt19937_64 random_{1};
  std::string data_;
  std::string state_ = std::string(200, 's');
  std::vector<Batch> batches_;
  Side side_ = Side::kRight;
  std::uint64_t next_ = 0;
  std::uint64_t matched_ = 0;
  std::vector<RowStore::Match> found_;
  std::vector<StoredRow> removed_;
  std::vector<StoredRow> added_;
};

std::optional<Join> join;

void Report(benchmark::State& state, double cpu, std::uint64_t rows) {
  state.SetItemsProcessed(static_cast<std::int64_t>(rows));
  state.counters["cpu_us_a_row"] = cpu * 1e6 / static_cast<double>(rows);
}

void Fill(benchmark::State& state, std::size_t stores, std::uint64_t rows, std::uint64_t keys) {
  join.emplace(stores, rows, keys);
  static const int at_exit = std::atexit([] { join.reset(); });
  PENSTOCK_CHECK(at_exit == 0, "there is room for it");
  double cpu = 0;
  double slowest = 0;
  for (auto _ : state) {
    while (join->Make()) {
      const double before = CpuSeconds();
      join->Take();
      const double took = CpuSeconds() - before;
      cpu += took;
      slowest = std::max(slowest, took);
    }
  }
  Report(state, cpu, rows);
  const auto of = [&](auto value) {
    return static_cast<double>(value) / static_cast<double>(rows);
  };
  std::uint64_t disk = 0;
  std::uint64_t held = 0;
  RocksRowStore::Costs costs;
  for (const auto& store : join->stores()) {
    const auto stats = store->stats();
    disk += stats.disk_bytes;
    held += stats.left.rows + stats.right.rows;
    const auto its = store->costs();
    costs.page_reads += its.page_reads;
    costs.runs += its.runs;
    costs.young_bytes += its.young_bytes;
    costs.index_bytes += its.index_bytes;
  }
  state.counters["matched_a_row"] = of(join->matched());
  state.counters["held_a_row"] = of(held);
  state.counters["page_reads_a_row"] = of(costs.page_reads);
  state.counters["runs"] = static_cast<double>(costs.runs);
  state.counters["disk_MiB"] = static_cast<double>(disk) / (1 << 20);
  state.counters["young_MiB"] = static_cast<double>(costs.young_bytes) / (1 << 20);
  state.counters["index_MiB"] = static_cast<double>(costs.index_bytes) / (1 << 20);
  state.counters["resident_MiB"] = ResidentMiB();
  state.counters["slowest_ms"] = slowest * 1e3;
}

// The left rows without a partner leave, as those of a left outer join do.
void Expire(benchmark::State& state) {
  std::uint64_t rows = 0;
  const double before = CpuSeconds();
  std::vector<StoredRow> found;
  for (auto _ : state) {
    for (const auto& store : join->stores()) {
      do {
        Check(store->FindBefore(Side::kLeft, join->now_ms() + 1, kBatchRows, found));
        Check(store->Write({Side::kRight, {}, found}, "state"));
        rows += found.size();
      } while (!found.empty());
    }
  }
  Report(state, CpuSeconds() - before, rows);
  state.counters["resident_MiB"] = ResidentMiB();
}

void OfSize(const std::string& name, std::size_t stores, std::uint64_t rows, std::uint64_t keys) {
  const auto once = [&](const std::string& what, auto run) {
    benchmark::RegisterBenchmark((name + what).c_str(), run)
        ->Iterations(1)
        ->Unit(benchmark::kMillisecond);
  };
  once("/join", [=](benchmark::State& state) { Fill(state, stores, rows, keys); });
  once("/expire", Expire);
}

const bool kRegistered = [] {
  for (const std::size_t stores : {1U, 12U}) {
    const std::string over = "/stores:" + std::to_string(stores);
    OfSize("1M" + over, stores, 1'000'000, kKeys);
    OfSize("2M" + over, stores, 2'000'000, kKeys);
    OfSize("10M" + over, stores, 10'000'000, kKeys);
    OfSize("10M_strange" + over, stores, 10'000'000, kStrangeKeys);
  }
  return true;
}();

}  // namespace
}  // namespace penstock::state
