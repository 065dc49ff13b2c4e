#pragma once

#include <atomic>
#include <filesystem>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "chaos/small_disk.h"
#include "chaos/stream_gate.h"
#include "support/servers.h"

namespace penstock::testing {

/// Kafka and ClickHouse of a chaos run, in a folder of its own, each behind a gate. ClickHouse's
/// data are on a small disk. Their downtimes are background work: at most one at a time for each.
/// One thread.
class ChaosServers {
 public:
  /// Where the folder is, from PENSTOCK_CHAOS_DIR; empty: this is no chaos run.
  static std::string FolderOfThisRun();

  /// Starts them. Throws std::runtime_error when they do not come up.
  explicit ChaosServers(const std::string& folder);
  ~ChaosServers();
  ChaosServers(const ChaosServers&) = delete;
  ChaosServers& operator=(const ChaosServers&) = delete;

  /// Straight to them, for whoever judges.
  const Servers& direct() const { return direct_; }
  /// Through the gates, for the services.
  Servers gated() const;

  StreamGate& kafka() { return *kafka_gate_; }
  StreamGate& clickhouse() { return *clickhouse_gate_; }
  SmallDisk& clickhouse_disk() { return *clickhouse_disk_; }

  /// `how` ("stop" or "kill9") now, "start" after a while. False: it is away already.
  bool TakeDown(const std::string& server, const std::string& how, std::chrono::milliseconds away);
  bool IsUp(std::string_view server) const;
  /// Throws when one could not be started again.
  bool AllAreUp();

 private:
  struct Downtime {
    std::string server;
    std::atomic<bool> over{false};
    std::string failure;  // Read when it is over.
    std::jthread thread;
  };

  Servers direct_;
  std::unique_ptr<SmallDisk> clickhouse_disk_;
  std::unique_ptr<StreamGate> kafka_gate_;
  std::unique_ptr<StreamGate> clickhouse_gate_;
  std::list<Downtime> downtimes_;
};

}  // namespace penstock::testing
