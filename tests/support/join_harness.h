#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/pipeline_harness.h"

namespace penstock::testing {

/// A pipeline that joins two topics of records `{"id": …, "name": …}` by id: as PipelineHarness,
/// with an ingestor a source, a transform for each source with a dedup, and a join. Its table has
/// `id`, `l` and `r`, the names of both sides. One thread; throws as that.
class JoinHarness : public PipelineHarness {
 public:
  JoinHarness(const Servers& servers, std::string left_topic, std::string right_topic);
  ~JoinHarness();

  /// Of both sides.
  void SetWindows(std::string_view left, std::string_view right);
  /// Rows of the source are kept once for each value of `key`.
  void AddDedup(std::string_view source_id, std::string_view key, std::string_view window = "1h");
  void CreateJoinTable();

  /// All services that the document needs.
  void StartAll();
  /// SIGTERM in the order in which rows flow; each must end cleanly.
  void StopAll();
  void StartSource(std::string_view source_id);
  void StartDedup(std::string_view source_id);
  void StartJoin() { StartJoin(join_, 0, 1); }
  /// One of several that share the shards.
  void StartJoin(ServiceProcess& process, int replica, int replicas);

  /// One of several that share the shards by leases.
  ServiceProcess NewJoin(std::string name) const {
    return NewService("penstock-join", std::move(name));
  }
  void StartSharing(ServiceProcess& join);

  ServiceProcess& source(std::string_view source_id) {
    return source_id == "left" ? left_ : right_;
  }
  ServiceProcess& dedup(std::string_view source_id) {
    return source_id == "left" ? left_dedup_ : right_dedup_;
  }
  ServiceProcess& join() { return join_; }
  ServiceProcess& second_join() { return second_join_; }
  /// Where this replica of the join keeps the rows of its shards.
  std::filesystem::path JoinFolder(int replica) const;
  bool HasDedup(std::string_view source_id) const;

  /// `id l r` of each row, sorted.
  std::vector<std::string> Joined() const;
  /// Until both groups have committed all of their topics.
  void WaitForJoinCommits(KafkaAdmin& kafka,
                          Clock::Duration patience = std::chrono::seconds(60)) const;
  std::int64_t Lag(KafkaAdmin& kafka, std::string_view source_id) const;
  void PrintJoinLogs() const;

 private:
  std::vector<std::string> With(std::vector<std::string> more) const;

  const std::string right_topic_;
  ServiceProcess left_;
  ServiceProcess right_;
  ServiceProcess left_dedup_;
  ServiceProcess right_dedup_;
  ServiceProcess join_;
  ServiceProcess second_join_;
};

}  // namespace penstock::testing
