#include "chaos/chaos_servers.h"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "base/format.h"
#include "base/thread.h"
#include "base/wait.h"
#include "support/nats_server.h"

namespace penstock::testing {

namespace {

constexpr std::uint64_t kClickHouseDisk = 1ULL << 30;

}  // namespace

std::string ChaosServers::FolderOfThisRun() {
  const char* const given = std::getenv("PENSTOCK_CHAOS_DIR");  // NOLINT(concurrency-mt-unsafe)
  return given == nullptr ? "" : given;
}

// Kafka tells its clients where it is: those that come in at the second listener are told the gate.
ChaosServers::ChaosServers(const std::string& folder) {
  const int kafka = FreePort();
  const int kafka_behind_gate = FreePort();
  const int clickhouse = FreePort();
  kafka_gate_ = std::make_unique<StreamGate>(static_cast<std::uint16_t>(kafka_behind_gate));
  clickhouse_gate_ = std::make_unique<StreamGate>(static_cast<std::uint16_t>(clickhouse));
  clickhouse_disk_ = std::make_unique<SmallDisk>(
      std::filesystem::path(folder) / "clickhouse" / "data", kClickHouseDisk);
  direct_.kafka = fmt::format("127.0.0.1:{}", kafka);
  direct_.stack_folder = folder;
  direct_.clickhouse.hosts = {"127.0.0.1"};
  direct_.clickhouse.http_port = static_cast<std::uint16_t>(clickhouse);
  direct_.clickhouse.username = "pipe";
  direct_.clickhouse.password = "secret";
  direct_.clickhouse.database = ClickHouse::kDatabase;
  RunStack(direct_,
           {"up", "kafka", "clickhouse", "--kafka-port", std::to_string(kafka), "--clickhouse-port",
            std::to_string(clickhouse), "--kafka-set",
            fmt::format("listeners=PLAINTEXT://127.0.0.1:{},CONTROLLER://127.0.0.1:{},"
                        "GATED://127.0.0.1:{}",
                        kafka, kafka + 1, kafka_behind_gate),
            "--kafka-set",
            fmt::format("advertised.listeners=PLAINTEXT://127.0.0.1:{},GATED://127.0.0.1:{}", kafka,
                        kafka_gate_->port()),
            "--kafka-set",
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,"
            "GATED:PLAINTEXT"});
}

ChaosServers::~ChaosServers() {
  downtimes_.clear();
  try {
    RunStack(direct_, {"down"});
  } catch (const std::exception& failure) {
    fmt::print("taking the servers down: {}\n", failure.what());
  }
}

Servers ChaosServers::gated() const {
  Servers gated = direct_;
  gated.kafka = fmt::format("127.0.0.1:{}", kafka_gate_->port());
  gated.clickhouse.http_port = clickhouse_gate_->port();
  return gated;
}

bool ChaosServers::IsUp(std::string_view server) const {
  return std::ranges::none_of(downtimes_, [&](const Downtime& downtime) {
    return downtime.server == server && !downtime.over;
  });
}

bool ChaosServers::AllAreUp() {
  for (const Downtime& downtime : downtimes_) {
    if (!downtime.over) return false;
    if (!downtime.failure.empty()) throw std::runtime_error(downtime.failure);
  }
  downtimes_.clear();
  return true;
}

bool ChaosServers::TakeDown(const std::string& server, const std::string& how,
                            std::chrono::milliseconds away) {
  if (!IsUp(server)) return false;
  Downtime& downtime = downtimes_.emplace_back();
  downtime.server = server;
  downtime.thread = StartThread("downtime", [&downtime, how, away, this](std::stop_token stop) {
    try {
      RunStack(direct_, {how, downtime.server});
      WaitUntil(SystemClock().Now() + away, std::move(stop));
      RunStack(direct_, {"start", downtime.server});
    } catch (const std::exception& failure) {
      downtime.failure = failure.what();
    }
    downtime.over = true;
  });
  return true;
}

}  // namespace penstock::testing
