#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock {

/// Names and values from closed lists: a shard, a partition, a reason; never text of a user, a
/// row or an error.
using MetricLabels = std::vector<std::pair<std::string, std::string>>;

/// Something that only grows: rows, bytes, events, seconds. A handle on a series of a Metrics,
/// cheap to copy, valid as long as that; one made by default counts nothing. Thread-safe: an
/// atomic addition.
class Counter {
 public:
  Counter() = default;
  /// A negative or NaN amount changes nothing.
  void Add(double amount = 1) const;
  void Add(std::integral auto amount) const { Add(static_cast<double>(amount)); }
  double value() const;

 private:
  friend class Metrics;
  explicit Counter(void* series) : series_(series) {}
  void* series_ = nullptr;
};

/// Something that goes up and down. As Counter otherwise.
class Gauge {
 public:
  Gauge() = default;
  void Set(double value) const;
  void Set(std::integral auto value) const { Set(static_cast<double>(value)); }
  void Set(bool value) const { Set(value ? 1.0 : 0.0); }
  void Add(double amount) const;
  double value() const;

 private:
  friend class Metrics;
  explicit Gauge(void* series) : series_(series) {}
  void* series_ = nullptr;
};

/// Upper bounds of a histogram's buckets, growing.
using Buckets = std::vector<double>;

/// Observations of one thread on their way to a histogram, without locks or atomics: a million
/// rows cost a handful of additions each.
class Tally {
 public:
  explicit Tally(const Buckets& buckets) : bounds_(buckets), counts_(buckets.size() + 1) {}
  void Add(double value, std::uint64_t times = 1);
  std::uint64_t count() const { return count_; }

 private:
  friend class Histogram;
  Buckets bounds_;
  std::vector<double> counts_;
  double sum_ = 0;
  std::uint64_t count_ = 0;
};

/// A distribution: seconds of a call, rows of a block. As Counter otherwise; an observation
/// takes a short lock.
class Histogram {
 public:
  Histogram() = default;
  void Observe(double value) const;
  /// Adds what `tally` holds and empties it. It must have this histogram's buckets.
  void Observe(Tally& tally) const;

 private:
  friend class Metrics;
  explicit Histogram(void* series) : series_(series) {}
  void* series_ = nullptr;
};

/// Latencies from 1 ms to 10 min.
const Buckets& SecondsBuckets();
/// Rows of a block or batch, from 1 to 1 million, three a decade.
const Buckets& RowsBuckets();
/// Bytes from 1 KiB to 1 GiB, a factor of four apart.
const Buckets& BytesBuckets();

/// The metrics of a process and their text form for Prometheus. Names are
/// `penstock_<stage>_<noun>_<unit>[_total]`. Declaring the same name again with other labels adds a
/// series; with the same labels gives the same one. A metric keeps its type, help and label names:
/// another is a bug and ends the process. Beyond kMaxSeries a metric's further series are one, with
/// "other" for every value.
///
/// Owns all series; handles borrow. Thread-safe.
class Metrics {
 public:
  static constexpr std::size_t kMaxSeries = 2048;

  /// `constant` labels are on every series: the pipeline and the stage.
  explicit Metrics(MetricLabels constant = {});
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  Counter AddCounter(std::string_view name, std::string_view help, const MetricLabels& labels = {});
  Gauge AddGauge(std::string_view name, std::string_view help, const MetricLabels& labels = {});
  Histogram AddHistogram(std::string_view name, std::string_view help, const Buckets& buckets,
                         const MetricLabels& labels = {});

  /// Takes a series away (a partition that another replica reads now): its handles must not
  /// be used any more, `gauge` becomes an empty one.
  void Remove(Gauge& gauge);

  /// While it lives, `collect` runs at the start of each Expose, to set gauges that are cheaper to
  /// ask for than to keep up to date. Threads: whoever calls Expose. Destroying it waits for a
  /// running call.
  class [[nodiscard]] Collector {
   public:
    Collector() = default;
    Collector(Collector&&) noexcept = default;
    Collector& operator=(Collector&&) noexcept = default;
    ~Collector() = default;

   private:
    friend class Metrics;
    struct Slot;
    struct Leave {
      void operator()(Slot* slot) const noexcept;
    };
    explicit Collector(Slot* slot) : slot_(slot) {}
    std::unique_ptr<Slot, Leave> slot_;
  };
  Collector OnScrape(std::function<void()> collect);

  /// All series in Prometheus' text format 0.0.4, by name; and the process's own: CPU, memory,
  /// file descriptors, threads, start time, penstock_build_info.
  std::string Expose() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The version of this build, "0.1.0".
std::string_view Version();

}  // namespace penstock
