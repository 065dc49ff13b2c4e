#include "telemetry/metrics.h"

#include <algorithm>
#include <list>
#include <map>
#include <mutex>
#include <sstream>
#include <variant>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"
#include "base/format.h"
#include "base/text.h"
#include "telemetry/process_usage.h"

namespace penstock {

namespace {

template <typename T>
T* As(void* series) {
  return static_cast<T*>(series);
}

bool IsName(std::string_view name) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && name.front() >= 'a' && name.front() <= 'z' &&
         std::ranges::all_of(name, good);
}

std::vector<std::string> NamesOf(const MetricLabels& labels) {
  std::vector<std::string> names;
  for (const auto& [name, value] : labels) names.push_back(name);
  std::ranges::sort(names);
  return names;
}

prometheus::Labels ToPrometheus(const MetricLabels& labels) {
  prometheus::Labels out;
  for (const auto& [name, value] : labels) {
    PENSTOCK_CHECK(IsName(name), "a label's name is lower case letters, digits and _");
    // One series with bytes that are no UTF-8 would make the scraper refuse all of them.
    out[name] = IsUtf8(value) ? value : "invalid";
  }
  return out;
}

prometheus::MetricFamily ProcessFamily(const char* name, const char* help,
                                       prometheus::MetricType type, double value) {
  prometheus::MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  prometheus::ClientMetric metric;
  (type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  family.metric.push_back(std::move(metric));
  return family;
}

void AppendProcess(std::vector<prometheus::MetricFamily>& out) {
  using enum prometheus::MetricType;
  const auto add = [&](const char* name, const char* help, prometheus::MetricType type,
                       double value) { out.push_back(ProcessFamily(name, help, type, value)); };
  if (const auto usage = ReadProcessUsage(getpid()); usage.ok()) {
    const ProcessUsage& used = usage.value();
    add("process_cpu_seconds_total", "User and system CPU time.", Counter, used.cpu_seconds());
    add("process_resident_memory_bytes", "Memory in use.", Gauge,
        static_cast<double>(used.resident_bytes));
    add("process_resident_memory_max_bytes", "The most memory that was ever in use.", Gauge,
        static_cast<double>(used.peak_resident_bytes));
    add("process_virtual_memory_bytes", "Address space.", Gauge,
        static_cast<double>(used.virtual_bytes));
    add("process_threads", "Threads.", Gauge, static_cast<double>(used.threads));
    add("process_start_time_seconds", "When the process began, seconds since the epoch.", Gauge,
        used.start_time_seconds);
  }
  add("process_open_fds", "Open file descriptors.", Gauge, static_cast<double>(CountOpenFiles()));
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    add("process_max_fds", "The limit of open file descriptors.", Gauge,
        static_cast<double>(files.rlim_cur));
  }
}

void SortForReaders(std::vector<prometheus::MetricFamily>& families) {
  std::ranges::sort(families, {}, &prometheus::MetricFamily::name);
  const auto by_labels = [](const prometheus::ClientMetric& a, const prometheus::ClientMetric& b) {
    return a.label < b.label;
  };
  for (auto& family : families) std::ranges::sort(family.metric, by_labels);
}

}  // namespace

struct Metrics::Collector::Slot {
  State* state;
  std::function<void()> collect;
};

struct Metrics::State {
  template <typename T>
  struct Family {
    prometheus::Family<T>* family;
    std::string help;
    std::vector<std::string> label_names;
    std::map<prometheus::Labels, T*> series;
  };
  using AnyFamily = std::variant<Family<prometheus::Counter>, Family<prometheus::Gauge>,
                                 Family<prometheus::Histogram>>;

  // The series of these labels; made by `make` when it is new.
  template <typename T, typename Builder, typename... Args>
  T* Add(Builder builder, std::string_view name, std::string_view help, const MetricLabels& labels,
         const Args&... args) {
    PENSTOCK_CHECK(IsName(name) && name.starts_with("penstock_"), "metrics are named penstock_…");
    PENSTOCK_CHECK(!help.empty(), "a metric explains itself");
    std::lock_guard lock(mutex);
    auto found = families.find(name);
    if (found == families.end()) {
      auto& family = builder.Name(std::string(name))
                         .Help(std::string(help))
                         .Labels(constant)
                         .Register(registry);
      found = families
                  .emplace(std::string(name),
                           Family<T>{&family, std::string(help), NamesOf(labels), {}})
                  .first;
    }
    auto* metric = std::get_if<Family<T>>(&found->second);
    PENSTOCK_CHECK(metric != nullptr, "a metric keeps its type");
    PENSTOCK_CHECK(metric->help == help && metric->label_names == NamesOf(labels),
                   "a metric keeps its help and label names");
    prometheus::Labels key = ToPrometheus(labels);
    if (!metric->series.contains(key) && metric->series.size() + 1 >= kMaxSeries) {
      for (auto& [label, value] : key) value = "other";
    }
    T*& series = metric->series[key];
    if (series == nullptr) series = &metric->family->Add(key, args...);
    return series;
  }

  prometheus::Labels constant;
  mutable std::mutex mutex;
  prometheus::Registry registry;
  std::map<std::string, AnyFamily, std::less<>> families;  // Guarded by mutex.
  mutable std::mutex collect_mutex;                        // Held while collectors run.
  std::list<Collector::Slot*> collectors;                  // Guarded by collect_mutex.
};

void Counter::Add(double amount) const {
  // Written so that NaN changes nothing either.
  if (series_ != nullptr && amount > 0) As<prometheus::Counter>(series_)->Increment(amount);
}
double Counter::value() const {
  return series_ == nullptr ? 0 : As<prometheus::Counter>(series_)->Value();
}

void Gauge::Set(double value) const {
  if (series_ != nullptr) As<prometheus::Gauge>(series_)->Set(value);
}
void Gauge::Add(double amount) const {
  if (series_ != nullptr) As<prometheus::Gauge>(series_)->Increment(amount);
}
double Gauge::value() const {
  return series_ == nullptr ? 0 : As<prometheus::Gauge>(series_)->Value();
}

void Tally::Add(double value, std::uint64_t times) {
  const auto bucket = std::ranges::lower_bound(bounds_, value) - bounds_.begin();
  counts_[static_cast<std::size_t>(bucket)] += static_cast<double>(times);
  sum_ += value * static_cast<double>(times);
  count_ += times;
}

void Histogram::Observe(double value) const {
  if (series_ != nullptr) As<prometheus::Histogram>(series_)->Observe(value);
}
void Histogram::Observe(Tally& tally) const {
  if (series_ != nullptr && tally.count_ > 0) {
    As<prometheus::Histogram>(series_)->ObserveMultiple(tally.counts_, tally.sum_);
  }
  std::ranges::fill(tally.counts_, 0);
  tally.sum_ = 0;
  tally.count_ = 0;
}

const Buckets& SecondsBuckets() {
  static const Buckets buckets = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
                                  1,     2.5,    5,     10,   30,    60,   120, 300,  600};
  return buckets;
}
const Buckets& RowsBuckets() {
  static const Buckets buckets = {1,      2,       5,       10,      20,       50,     100,
                                  200,    500,     1000,    2000,    5000,     10'000, 20'000,
                                  50'000, 100'000, 200'000, 500'000, 1'000'000};
  return buckets;
}
const Buckets& BytesBuckets() {
  static const Buckets buckets = {1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20,
                                  1 << 22, 1 << 24, 1 << 26, 1 << 28, 1 << 30};
  return buckets;
}

Metrics::Metrics(MetricLabels constant) : state_(std::make_unique<State>()) {
  state_->constant = ToPrometheus(constant);
  AddGauge("penstock_build_info", "Always 1; the labels say which build this is.",
           {{"version", std::string(Version())}})
      .Set(1);
}
Metrics::~Metrics() = default;

Counter Metrics::AddCounter(std::string_view name, std::string_view help,
                            const MetricLabels& labels) {
  PENSTOCK_CHECK(name.ends_with("_total"), "a counter's name ends with _total");
  return Counter(state_->Add<prometheus::Counter>(prometheus::BuildCounter(), name, help, labels));
}
Gauge Metrics::AddGauge(std::string_view name, std::string_view help, const MetricLabels& labels) {
  return Gauge(state_->Add<prometheus::Gauge>(prometheus::BuildGauge(), name, help, labels));
}
Histogram Metrics::AddHistogram(std::string_view name, std::string_view help,
                                const Buckets& buckets, const MetricLabels& labels) {
  return Histogram(state_->Add<prometheus::Histogram>(prometheus::BuildHistogram(), name, help,
                                                      labels, buckets));
}

void Metrics::Remove(Gauge& gauge) {
  auto* const series = As<prometheus::Gauge>(std::exchange(gauge.series_, nullptr));
  if (series == nullptr) return;
  std::lock_guard lock(state_->mutex);
  for (auto& [name, any] : state_->families) {
    auto* const metric = std::get_if<State::Family<prometheus::Gauge>>(&any);
    if (metric == nullptr) continue;
    if (std::erase_if(metric->series, [&](const auto& entry) { return entry.second == series; }) >
        0) {
      metric->family->Remove(series);
      return;
    }
  }
}

void Metrics::Collector::Leave::operator()(Slot* slot) const noexcept {
  {
    std::lock_guard lock(slot->state->collect_mutex);
    slot->state->collectors.remove(slot);
  }
  delete slot;
}

Metrics::Collector Metrics::OnScrape(std::function<void()> collect) {
  auto slot = std::make_unique<Collector::Slot>(state_.get(), std::move(collect));
  std::lock_guard lock(state_->collect_mutex);
  state_->collectors.push_back(slot.get());
  return Collector(slot.release());
}

std::string Metrics::Expose() const {
  {
    std::lock_guard lock(state_->collect_mutex);
    for (const Collector::Slot* slot : state_->collectors) slot->collect();
  }
  std::vector<prometheus::MetricFamily> families = state_->registry.Collect();
  AppendProcess(families);
  SortForReaders(families);
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return std::move(out).str();
}

std::string_view Version() {
  return PENSTOCK_VERSION;
}

}  // namespace penstock
