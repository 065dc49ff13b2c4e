#include "chaos/chaos_world.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/format.h"
#include "base/wait.h"
#include "chaos/faults.h"

namespace penstock::testing {

namespace {

using namespace std::chrono_literals;

constexpr std::int32_t kPartitionsAtFirst = 4;
constexpr std::size_t kReplicasAtFirst = 2;
constexpr std::uint64_t kBacklog = 5'000;
constexpr std::uint64_t kRecordsPerSecond = 2'000;
constexpr std::uint64_t kRepeatPercent = 10;
constexpr std::uint64_t kStateDisk = 512 << 20;
constexpr auto kTick = 20ms;
constexpr auto kAskAgain = 250ms;
/// Waits between attempts grow to a minute; some shards may have to begin twice.
constexpr auto kHealPatience = 180s;

}  // namespace

std::size_t ChaosWorld::Stage::Wanted() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(replicas, [](const auto& replica) { return replica->wanted(); }));
}

void ChaosWorld::Stage::ScaleTo(std::size_t count) {
  for (std::size_t i = 0; i < replicas.size(); ++i) replicas[i]->Want(i < count);
}

ChaosWorld::ChaosWorld(ChaosServers& servers, ChaosOptions options)
    : servers_(servers),
      options_(std::move(options)),
      kafka_(servers.direct().kafka),
      topic_(UniqueName("chaos")),
      partitions_(kPartitionsAtFirst),
      nats_(NatsServer::Start()) {
  kafka_.CreateTopic(topic_, partitions_);
  MakePipeline();
  state_disk_ = std::make_unique<SmallDisk>(pipeline_->folder() / "state", kStateDisk);
  MakeStages();
}

ChaosWorld::~ChaosWorld() {
  load_.reset();
  stages_.clear();  // Kills what runs.
  state_disk_.reset();
  pipeline_.reset();
  try {
    kafka_.DeleteTopic(topic_);
  } catch (const std::exception& failure) {
    fmt::print("cleaning up after {}: {}\n", topic_, failure.what());
  }
}

void ChaosWorld::MakePipeline() {
  pipeline_ = std::make_unique<PipelineHarness>(
      servers_.direct(), topic_,
      std::vector<PipelineField>{{"id", "uint64", "id", "UInt64"},
                                 {"text", "string", "text", "String"},
                                 {"amount", "float64", "amount", "Float64"},
                                 {"noise", "string", "noise", "String"},
                                 {"_partition", "", "partition", "UInt32"},
                                 {"_offset", "", "offset", "Int64"}});
  pipeline_->UseNats(nats_->url());
  nlohmann::json& document = pipeline_->document;
  document["resources"]["shards"] = 4;
  document["resources"]["nats"]["stream"]["maxBytes"] = "64MiB";
  document["transforms"] = {{{"type", "filter"},
                             {"source_id", "events"},
                             {"config", {{"expression", "int(id) % 11 != 5"}}}},
                            {{"type", "dedup"},
                             {"source_id", "events"},
                             {"config", {{"key", "id"}, {"time_window", "2h"}}}}};
  // New partitions are found, and dead members given up, sooner than by default.
  document["sources"][0]["connection_params"]["brokers"] = {servers_.gated().kafka};
  document["sources"][0]["connection_params"]["properties"] = {
      {"session.timeout.ms", "6000"},
      {"heartbeat.interval.ms", "1000"},
      {"topic.metadata.refresh.interval.ms", "3000"}};
  nlohmann::json& clickhouse = document["sink"]["connection_params"];
  clickhouse["http_port"] = servers_.gated().clickhouse.http_port;
  clickhouse["connect_timeout"] = "1s";
  clickhouse["insert_timeout"] = "5s";
  pipeline_->CreateTable();
  arguments_ = pipeline_->Arguments();
}

void ChaosWorld::MakeStages() {
  const auto nats_port = static_cast<std::uint16_t>(nats_->port());
  const auto add = [&](const std::string& name, const auto& make) {
    Stage& stage = stages_.emplace_back();
    stage.name = name;
    for (std::size_t i = 0; i < kMostReplicas; ++i) {
      stage.replicas.push_back(std::make_unique<Replica>(
          make(fmt::format("{}-{}", name, i)), nats_port, [this, name](const Replica& replica) {
            return ArgumentsOf(replica, name == "transform");
          }));
    }
  };
  add("ingestor", [&](std::string name) { return pipeline_->NewIngestor(std::move(name)); });
  add("transform", [&](std::string name) { return pipeline_->NewTransform(std::move(name)); });
  add("sink", [&](std::string name) { return pipeline_->NewSink(std::move(name)); });
}

std::vector<std::string> ChaosWorld::ArgumentsOf(const Replica& replica, bool transform) const {
  std::vector<std::string> arguments = arguments_;
  *std::ranges::find(arguments, nats_->url()) =
      fmt::format("nats://127.0.0.1:{}", replica.nats_port());
  arguments.insert(arguments.end(), {"--replica-name", replica.name(), "--lease-heartbeat", "500ms",
                                     "--lease-timeout", "3s", "--clock-offset-ms",
                                     std::to_string(replica.clock_offset_ms())});
  if (transform) {
    arguments.insert(arguments.end(),
                     {"--state-dir", (pipeline_->folder() / "state" / replica.name()).string()});
  }
  return arguments;
}

ChaosWorld::Stage& ChaosWorld::stage(std::string_view name) {
  return *std::ranges::find(stages_, name, &Stage::name);
}

std::vector<Replica*> ChaosWorld::Replicas() {
  std::vector<Replica*> all;
  for (const Stage& stage : stages_) {
    for (const auto& replica : stage.replicas) {
      if (replica->wanted()) all.push_back(replica.get());
    }
  }
  return all;
}

void ChaosWorld::Start() {
  load_ = std::make_unique<Load>(servers_.direct().kafka, topic_,
                                 Load::Options{.seed = options_.seed,
                                               .partitions = partitions_,
                                               .backlog = kBacklog,
                                               .per_second = kRecordsPerSecond,
                                               .repeat_percent = kRepeatPercent});
  for (Stage& stage : stages_) stage.ScaleTo(kReplicasAtFirst);
  WaitFor("rows arrive", [&] {
    Tick();
    return pipeline_->Rows() > 0;
  });
}

void ChaosWorld::AddPartition() {
  kafka_.AddPartitions(topic_, ++partitions_);
  load_->UsePartitions(partitions_);
}

void ChaosWorld::Later(Clock::Duration after, std::function<void()> action) {
  later_.push_back({SystemClock().Now() + after, std::move(action)});
}

void ChaosWorld::Tick() {
  const Clock::Time now = SystemClock().Now();
  for (Stage& stage : stages_) {
    for (const auto& replica : stage.replicas) replica->Tick(now);
  }
  for (std::size_t i = 0; i < later_.size();) {
    if (later_[i].at > now) {
      ++i;
      continue;
    }
    const std::function<void()> what = std::move(later_[i].what);
    later_.erase(later_.begin() + static_cast<std::ptrdiff_t>(i));
    what();
  }
}

void ChaosWorld::TickUntil(Clock::Time time) {
  for (;;) {
    Tick();
    const Clock::Time now = SystemClock().Now();
    if (now >= time) return;
    WaitUntil(std::min(time, now + kTick), {});
  }
}

void ChaosWorld::Perform(const Fault& fault, Clock::Time start) {
  Draw draw(fault.draw);
  const std::string done = DoFault(*this, fault.kind, draw);
  Times& times = times_[fault.kind];
  done.empty() ? ++times.skipped : ++times.done;
  const std::chrono::duration<double> at = SystemClock().Now() - start;
  fmt::print("  {:6.1f} s  {:<20} {}\n", at.count(), ToText(fault.kind),
             done.empty() ? "nothing to do it to" : done);
}

void ChaosWorld::RunFaults() {
  const Clock::Time start = SystemClock().Now();
  for (const Fault& fault :
       MakeSchedule(options_.seed, options_.duration, options_.gap, options_.kinds)) {
    TickUntil(start + fault.at);
    Perform(fault, start);
  }
  TickUntil(start + options_.duration);
}

bool ChaosWorld::HealAndWait() {
  const Clock::Time start = SystemClock().Now();
  const Clock::Time deadline = start + kHealPatience;
  for (const Action& action : std::exchange(later_, {})) action.what();
  for (Stage& stage : stages_) stage.ScaleTo(kReplicasAtFirst);
  const auto wait_for = [&](const std::function<bool()>& condition) {
    for (;;) {
      Tick();
      if (condition()) return true;
      if (SystemClock().Now() > deadline) return false;
      WaitUntil(SystemClock().Now() + kTick, {});
    }
  };
  if (!wait_for([&] { return servers_.AllAreUp(); })) return false;
  load_->Finish();
  Clock::Time next{};
  const bool all_there = wait_for([&] {
    if (SystemClock().Now() < next) return false;
    next = SystemClock().Now() + kAskAgain;
    return kafka_.Lag(pipeline_->group(), topic_) == 0;
  });
  took_to_heal_ = SystemClock().Now() - start;
  // What was scaled down late may still be leaving.
  return all_there && wait_for([&] {
           return std::ranges::all_of(stages_, [](const Stage& stage) {
             return std::ranges::all_of(stage.replicas,
                                        [](const auto& replica) { return replica->Settled(); });
           });
         });
}

}  // namespace penstock::testing
