#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "chaos/chaos_servers.h"
#include "chaos/replica.h"
#include "chaos/schedule.h"
#include "crash/load.h"
#include "support/kafka_admin.h"
#include "support/nats_server.h"
#include "support/pipeline_harness.h"

namespace penstock::testing {

struct ChaosOptions {
  std::uint64_t seed = 1;
  std::chrono::milliseconds duration{0};
  std::chrono::milliseconds gap{0};
  std::vector<FaultKind> kinds;
};

/// A pipeline with a filter and a dedup, several replicas of each stage, under a steady load of
/// known records, and what can happen to it. All is done on the thread that made it, but for
/// servers that take long to stop and start.
class ChaosWorld {
 public:
  static constexpr std::size_t kMostReplicas = 3;
  static constexpr std::int32_t kMostPartitions = 12;

  struct Stage {
    std::string name;
    std::vector<std::unique_ptr<Replica>> replicas;

    std::size_t Wanted() const;
    /// The first so many are wanted.
    void ScaleTo(std::size_t count);
  };
  struct Times {
    int done = 0;
    int skipped = 0;  ///< Nothing to do it to at that moment.
  };

  ChaosWorld(ChaosServers& servers, ChaosOptions options);
  ~ChaosWorld();
  ChaosWorld(const ChaosWorld&) = delete;
  ChaosWorld& operator=(const ChaosWorld&) = delete;

  /// All processes run and rows arrive.
  void Start();
  /// The schedule, from its first fault to its last.
  void RunFaults();
  /// Ends every fault, and the load; waits until Kafka says that everything is in ClickHouse.
  /// False: not in time.
  bool HealAndWait();

  // For faults.
  std::vector<Stage>& stages() { return stages_; }
  Stage& stage(std::string_view name);
  /// Those that are wanted.
  std::vector<Replica*> Replicas();
  ChaosServers& servers() { return servers_; }
  NatsServer& nats() { return *nats_; }
  SmallDisk& state_disk() { return *state_disk_; }
  bool nats_is_up() const { return nats_is_up_; }
  void SetNatsIsUp(bool up) { nats_is_up_ = up; }
  std::int32_t partitions() const { return partitions_; }
  void AddPartition();
  /// Does it then, unless the faults have ended: what it would do is done at that moment.
  void Later(Clock::Duration after, std::function<void()> action);

  // For the verdict.
  const ChaosOptions& options() const { return options_; }
  PipelineHarness& pipeline() { return *pipeline_; }
  Load& load() { return *load_; }
  const std::map<FaultKind, Times>& times() const { return times_; }
  bool WasDone(FaultKind kind) const { return times_.contains(kind) && times_.at(kind).done > 0; }
  /// From the last fault until all was there.
  std::chrono::duration<double> took_to_heal() const { return took_to_heal_; }
  /// Whether the id of a record passes the filter.
  static bool Kept(std::uint64_t id) { return id % 11 != 5; }

 private:
  struct Action {
    Clock::Time at;
    std::function<void()> what;
  };

  void MakePipeline();
  void MakeStages();
  std::vector<std::string> ArgumentsOf(const Replica& replica, bool transform) const;
  void Tick();
  void TickUntil(Clock::Time time);
  void Perform(const Fault& fault, Clock::Time start);

  ChaosServers& servers_;
  const ChaosOptions options_;
  KafkaAdmin kafka_;
  const std::string topic_;
  std::int32_t partitions_;
  std::unique_ptr<NatsServer> nats_;
  bool nats_is_up_ = true;
  std::unique_ptr<PipelineHarness> pipeline_;
  std::vector<std::string> arguments_;  // Of every process; the document is written once.
  std::unique_ptr<SmallDisk> state_disk_;
  std::vector<Stage> stages_;
  std::unique_ptr<Load> load_;
  std::vector<Action> later_;
  std::map<FaultKind, Times> times_;
  std::chrono::duration<double> took_to_heal_{0};
};

}  // namespace penstock::testing
