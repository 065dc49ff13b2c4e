#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "crash/crash_test.h"
#include "jetstream/connection.h"
#include "support/service_process.h"

namespace penstock::testing {

/// Whether these replicas have all shards among them, each some, and all are ready. Throws when one
/// of them has ended.
bool AreShared(const std::vector<ServiceProcess*>& replicas, std::uint32_t shards);
void WaitUntilShared(const std::vector<ServiceProcess*>& replicas, std::uint32_t shards);

/// The longest time in which nothing of a shard was confirmed in its record, under a load that
/// never pauses. It has a thread; as long as it lives it has the bucket open.
class LongestGap {
 public:
  LongestGap(const std::string& nats, const std::string& pipeline);

  /// Since it was asked last.
  std::chrono::duration<double> Take();

 private:
  struct Last {
    StreamSeq position{0};
    Clock::Time time{};
  };

  void Moved(const std::string& key, std::string_view value);

  std::mutex mutex_;
  std::map<std::string, Last> last_;          // Guarded by mutex_.
  std::chrono::duration<double> longest_{0};  // Guarded by mutex_.
  std::unique_ptr<jetstream::Connection> nats_;
  std::unique_ptr<io::KeyValue> bucket_;
  std::unique_ptr<io::KeyValue::Watch> watch_;
};

/// Sinks and transforms of a pipeline with dedup that share its shards.
class SharingTest : public CrashTest {
 protected:
  static constexpr std::uint32_t kShards = 4;
  using LeaseTimes = PipelineHarness::LeaseTimes;

  PipelineHarness& NewDedupPipeline();
  static void StartSink(const PipelineHarness& pipeline, ServiceProcess& sink,
                        LeaseTimes times = LeaseTimes::kShort);
  static void StartTransform(const PipelineHarness& pipeline, ServiceProcess& transform,
                             LeaseTimes times = LeaseTimes::kShort);
  static void WaitUntilShared(const std::vector<ServiceProcess*>& replicas) {
    testing::WaitUntilShared(replicas, kShards);
  }
  static std::vector<ServiceProcess*> All(std::deque<ServiceProcess>& replicas);
  static void EndCleanly(ServiceProcess& replica);
  /// For people, after a failure.
  static void PrintEnds(const std::vector<ServiceProcess*>& replicas);
};

}  // namespace penstock::testing
