#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "ingestor/commit_tracker.h"
#include "ingestor/ingestor_metrics.h"
#include "ingestor/partition_starts.h"
#include "ingestor/worker.h"
#include "io/record_source.h"
#include "telemetry/health.h"

namespace penstock::ingestor {

/// The poll loop: keeps the membership of the consumer group, hands records to the workers, pauses
/// partitions whose worker has enough, and commits what is in ClickHouse.
///
/// Guarantee: nothing of a partition is read before Kafka has acknowledged a commit for it; what
/// is committed is in ClickHouse or accounted for there; what is lost on the way there is read
/// again (docs/delivery-guarantees.md).
///
/// Threads: one, the caller of Run.
class Ingestor {
 public:
  struct Options {
    std::size_t queue_bytes = 0;  ///< Of a worker, above which its partitions are paused.
    Clock::Duration commit_interval = std::chrono::seconds(1);
    Clock::Duration drain_limit = std::chrono::seconds(10);
  };
  struct Parts {
    io::RecordSource& source;
    std::vector<std::unique_ptr<Worker>>& workers;
    CommitTracker& tracker;
    PartitionStarts& starts;
    const Clock& clock;
    IngestorMetrics& metrics;
    Health& health;
  };

  Ingestor(Options options, Parts parts);

  /// Runs until `stop`, then publishes what it holds, commits and leaves the group. Fails when
  /// somebody has to act first.
  Status Run(std::stop_token stop);

 private:
  struct Owned {
    Origin origin;
    CommitTracker::Place committed;
    bool paused = false;
    std::optional<LossReason> lost{};  ///< It has to go back.
    Clock::Time go_back_at{};          ///< Not before.
  };

  Status Turn();
  Status Handle(io::SourceEvent event);
  Status Handle(const io::SourceTrouble& trouble);
  void Handle(const io::Revoked& revoked);
  /// Starts the partitions that were assigned and are not read yet, as far as Kafka answers.
  Status StartAssigned();
  void StartReading(const CommitTracker::Beginning& beginning);
  /// Leaves off reading all partitions, and starts them as if they were assigned anew.
  void StartOver();
  void GoBack();
  void PauseAndResume();
  void CommitWhatIsDone(bool now);
  void ReportLag();
  Status WorkersAlive() const;
  Status Drain();
  Worker& WorkerOf(std::int32_t partition);
  Clock::Time Deadline() const;

  const Options options_;
  Parts parts_;
  std::map<std::int32_t, Owned> owned_;
  std::vector<std::int32_t> assigned_;  // By the group, and not read yet.
  bool rebalancing_ = false;            // An assignment waits for its StartReading.
  Clock::Time next_start_{};
  Clock::Time next_commit_{};
  Backoff start_backoff_;
  Health::Condition reading_;
  Health::Heartbeat heartbeat_;
};

}  // namespace penstock::ingestor
