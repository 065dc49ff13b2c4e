// The dedup key store of one shard: what a transform does for each batch (find its keys, add the
// new ones), what it takes on disk and in memory, how long repeats take, and how long to rebuild it
// from messages of the key log. Items are rows. CPU is that of the whole process, all threads.
//
// PENSTOCK_BENCH_FOLDER says where the store lies (default: the folder for temporary files).
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

#include <benchmark/benchmark.h>

#include "base/check.h"
#include "base/hash.h"
#include "protocol/key_log_codec.h"
#include "state/rocks_key_store.h"

namespace penstock::state {
namespace {

constexpr std::size_t kBatchRows = 4000;
constexpr std::int64_t kWindowMs = 24LL * 3600 * 1000;
constexpr std::int32_t kPartitions = 6;
constexpr std::size_t kPageCacheBytes = 64 << 20;

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
  return root / ("dedup-bench-" + std::to_string(getpid()));
}

KeyHash KeyOf(std::uint64_t number) {
  const Hash128 hash = HashOf128({reinterpret_cast<const char*>(&number), sizeof(number)});
  return {hash.high, static_cast<std::uint32_t>(hash.low)};
}

// Row `number` of `rows`, which fill one window evenly.
FirstRow RowOf(std::uint64_t number, std::uint64_t rows) {
  const std::uint64_t partition = number / kBatchRows % kPartitions;
  return {KeyOf(number),
          {1, static_cast<std::int32_t>(partition), Offset(static_cast<std::int64_t>(number))},
          static_cast<std::int64_t>(number * static_cast<std::uint64_t>(kWindowMs) / rows)};
}

// One store for all measurements of a size: they follow each other.
struct Shard {
  explicit Shard(std::uint64_t size) : rows(size) { Reopen(); }
  ~Shard() {
    store.reset();
    std::filesystem::remove_all(Folder());
  }
  void Reopen() {
    store.reset();
    auto opened =
        RocksKeyStore::Open({.folder = Folder(), .window_ms = kWindowMs, .resources = &resources});
    PENSTOCK_CHECK(opened.ok(), opened.error().detail);
    store = std::move(opened).value();
  }

  std::uint64_t rows;
  StoreResources resources{kPageCacheBytes};
  std::unique_ptr<RocksKeyStore> store;
};
std::unique_ptr<Shard> shard;

void Begin(std::uint64_t rows) {
  shard.reset();
  shard = std::make_unique<Shard>(rows);
  // Before what RocksDB has made by now goes: so not by the end of the program alone.
  static const int at_exit = std::atexit([] { shard.reset(); });
  PENSTOCK_CHECK(at_exit == 0, "there is room for it");
}

void Report(benchmark::State& state, double cpu, std::uint64_t rows) {
  state.SetItemsProcessed(static_cast<std::int64_t>(rows));
  state.counters["cpu_ns_a_row"] = cpu * 1e9 / static_cast<double>(rows);
}

// A window of rows into an empty store, batch by batch; a tenth of the rows repeat one of the
// latest million.
void Fill(benchmark::State& state, std::uint64_t rows) {
  Begin(rows);
  std::mt19937_64 random(1);
  std::vector<KeyHash> keys;
  std::vector<FirstRow> fresh;
  std::vector<KeyStore::Match> found;
  double cpu = 0;
  double slowest = 0;
  std::uint64_t asked = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t next = 0;
  for (auto _ : state) {
    for (std::uint64_t seq = 1; next < rows; ++seq) {
      state.PauseTiming();
      keys.clear();
      fresh.clear();
      while (keys.size() < kBatchRows && next < rows) {
        const std::uint64_t latest = std::min<std::uint64_t>(next, 1'000'000);
        if (latest > kBatchRows && random() % 10 == 0) {
          keys.push_back(KeyOf(next - kBatchRows - random() % (latest - kBatchRows)));
        } else {
          fresh.push_back(RowOf(next++, rows));
          keys.push_back(fresh.back().key);
        }
      }
      state.ResumeTiming();
      const double before = CpuSeconds();
      PENSTOCK_CHECK(shard->store->Find(keys, found).ok(), "it can be read");
      PENSTOCK_CHECK(shard->store->Add(fresh, {1, StreamSeq(seq), seq}).ok(), "it can be written");
      const double took = CpuSeconds() - before;
      cpu += took;
      slowest = std::max(slowest, took);
      asked += keys.size();
      duplicates += found.size();
    }
  }
  const auto stats = shard->store->stats();
  const auto known = static_cast<double>(stats.rows);
  Report(state, cpu, asked);
  state.counters["slowest_batch_ms"] = slowest * 1e3;
  state.counters["repeats_a_row"] = static_cast<double>(duplicates) / static_cast<double>(asked);
  state.counters["page_reads_a_row"] =
      static_cast<double>(stats.page_reads) / static_cast<double>(asked);
  state.counters["disk_bytes_a_key"] = static_cast<double>(stats.disk_bytes) / known;
  state.counters["filter_bits_a_key"] = 8 * static_cast<double>(stats.filter_bytes) / known;
  state.counters["index_bits_a_key"] = 8 * static_cast<double>(stats.index_bytes) / known;
  state.counters["recent_MiB"] = static_cast<double>(stats.recent_bytes) / (1 << 20);
  state.counters["resident_MiB"] = ResidentMiB();
  state.counters["runs"] = static_cast<double>(stats.runs);
}

// Keys by the batch from the full store: `from` to `to` say of which rows, those past the end are
// strange ones.
void Find(benchmark::State& state, std::uint64_t from, std::uint64_t to) {
  std::mt19937_64 random(2);
  std::vector<std::vector<KeyHash>> batches(64);
  for (auto& batch : batches) {
    for (std::size_t i = 0; i < kBatchRows; ++i)
      batch.push_back(KeyOf(from + random() % (to - from)));
  }
  std::vector<KeyStore::Match> found;
  const auto reads = shard->store->stats().page_reads;
  std::uint64_t asked = 0;
  std::uint64_t matches = 0;
  const double before = CpuSeconds();
  for (auto _ : state) {
    PENSTOCK_CHECK(shard->store->Find(batches[asked / kBatchRows % 64], found).ok(),
                   "it can be read");
    asked += kBatchRows;
    matches += found.size();
  }
  Report(state, CpuSeconds() - before, asked);
  state.counters["found_a_row"] = static_cast<double>(matches) / static_cast<double>(asked);
  state.counters["page_reads_a_row"] =
      static_cast<double>(shard->store->stats().page_reads - reads) / static_cast<double>(asked);
}

void FindStrange(benchmark::State& state) {
  Find(state, shard->rows, 1'000'000'000'000);
}
void FindAnyRepeat(benchmark::State& state) {
  Find(state, 0, shard->rows);
}
void FindRecentRepeat(benchmark::State& state) {
  Find(state, shard->rows - std::min<std::uint64_t>(shard->rows, 1'000'000), shard->rows);
}

void Reopen(benchmark::State& state) {
  const double before = CpuSeconds();
  for (auto _ : state) shard->Reopen();
  Report(state, CpuSeconds() - before,
         shard->rows * static_cast<std::uint64_t>(state.iterations()));
}

// The key log read again into an empty store: decoding and Add, without the network.
void Rebuild(benchmark::State& state, std::uint64_t rows) {
  Begin(rows);
  std::vector<FirstRow> batch;
  std::string message;
  double cpu = 0;
  std::uint64_t bytes = 0;
  for (auto _ : state) {
    for (std::uint64_t next = 0, seq = 1; next < rows; ++seq) {
      state.PauseTiming();
      batch.clear();
      while (batch.size() < kBatchRows && next < rows) batch.push_back(RowOf(next++, rows));
      message.clear();
      protocol::EncodeKeyLog(batch, message);
      bytes += message.size();
      state.ResumeTiming();
      const double before = CpuSeconds();
      PENSTOCK_CHECK(protocol::DecodeKeyLog(message, batch).ok(), "it is whole");
      PENSTOCK_CHECK(shard->store->Add(batch, {1, StreamSeq(seq), seq}).ok(), "it can be written");
      cpu += CpuSeconds() - before;
    }
  }
  Report(state, cpu, rows);
  state.counters["log_bytes_a_key"] = static_cast<double>(bytes) / static_cast<double>(rows);
}

void KeyLog(benchmark::State& state, bool encode) {
  std::vector<FirstRow> rows;
  for (std::uint64_t i = 0; i < kBatchRows; ++i) rows.push_back(RowOf(i, 72'000'000));
  std::string message;
  protocol::EncodeKeyLog(rows, message);
  for (auto _ : state) {
    if (encode) {
      message.clear();
      protocol::EncodeKeyLog(rows, message);
    } else {
      PENSTOCK_CHECK(protocol::DecodeKeyLog(message, rows).ok(), "it is whole");
    }
    benchmark::DoNotOptimize(message.data());
    benchmark::DoNotOptimize(rows.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatchRows));
}

void OfSize(const std::string& name, std::uint64_t rows) {
  const auto once = [&](const std::string& what, auto run) {
    benchmark::RegisterBenchmark((name + what).c_str(), run)
        ->Iterations(1)
        ->Unit(benchmark::kMillisecond);
  };
  const auto often = [&](const std::string& what, auto run) {
    benchmark::RegisterBenchmark((name + what).c_str(), run)->Unit(benchmark::kMillisecond);
  };
  once("/fill", [rows](benchmark::State& state) { Fill(state, rows); });
  often("/find_strange", FindStrange);
  often("/find_repeat_of_latest_million", FindRecentRepeat);
  often("/find_repeat_of_any", FindAnyRepeat);
  once("/reopen", Reopen);
  once("/rebuild", [rows](benchmark::State& state) { Rebuild(state, rows); });
}

BENCHMARK_CAPTURE(KeyLog, encode, true);
BENCHMARK_CAPTURE(KeyLog, decode, false);
const bool kRegistered = [] {
  OfSize("1M", 1'000'000);
  OfSize("10M", 10'000'000);
  OfSize("50M", 50'000'000);
  return true;
}();

}  // namespace
}  // namespace penstock::state
