#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/plan.h"
#include "model/shard_record.h"
#include "protocol/names.h"
#include "sim/disk.h"
#include "support/fake_key_value.h"
#include "support/fake_record_source.h"
#include "support/fake_streams.h"
#include "support/fake_table.h"

namespace penstock::sim {

/// Every row travels through all stages; those of these ids end elsewhere.
struct Ids {
  static bool IsPoison(std::int64_t id) { return id % 20 == 7; }         ///< No JSON.
  static bool FailsFilter(std::int64_t id) { return id % 31 == 8; }      ///< With a transform.
  static bool IsFiltered(std::int64_t id) { return id % 7 == 3; }        ///< With a transform.
  static bool IsUnconvertible(std::int64_t id) { return id % 23 == 4; }  ///< The sink sees it.
  static bool IsRefused(std::int64_t id) { return id % 29 == 5; }        ///< The server alone does.
};
inline constexpr auto kFilter = "int(id) % 31 == 8 ? [1][int(id) + 5] == 0 : int(id) % 7 != 3";

/// The servers of one pipeline, what was produced into its topic, and the laws of what must have
/// become of it. Outlives the network.
class World {
 public:
  struct Shape {
    bool transforms = false;  ///< A filter and a dedup between ingestor and sink.
    std::uint32_t shards = 1;
    std::int32_t partitions = 1;
  };
  static inline const std::string kPipeline = "orders";

  explicit World(Shape shape);

  /// Of them one in six repeats an earlier one, where duplicates are dropped.
  void Produce(std::size_t records);
  std::size_t produced() const { return produced_; }

  /// Law: what Kafka has as committed is in the table, or accounted for as something else.
  void CheckCommits();
  /// Law: a stream keeps its last message, with which one that was replaced is told.
  void CheckTrimmed(const std::string& stream);
  /// Law of the end: every record is once in exactly one of row, filtered, duplicate, dead letter;
  /// rows are in the table once; the account says so.
  void CheckEnd();

  /// The streams, of the server or as the stages make them again.
  std::vector<io::StreamConfig> StreamsOf(protocol::Hop hop) const;
  static std::vector<std::string> NamesOf(const std::vector<io::StreamConfig>& streams);
  static io::StreamConfig DeadLetterStream();

  // Faults of the servers. What is not committed by then may come into the table once more.
  void LoseStream(protocol::Hop hop, ShardId shard);
  void LoseTail(protocol::Hop hop, ShardId shard);
  /// All of the hops between the stages.
  void LoseStreams();
  /// What a sink knows of a shard: its account begins anew.
  void LoseRecord(ShardId shard);
  void LoseRecords();

  const Shape shape;
  testing::FakeKafka kafka;
  testing::FakeStreams streams;
  testing::FakeKeyValue bucket;
  testing::FakeTable table;
  Disks disks;

  /// A process died: its membership of the group ends later.
  void Bury(std::unique_ptr<testing::FakeRecordSource> member) {
    dead_members_.push_back(std::move(member));
  }
  void EndOldestSession() {
    if (!dead_members_.empty()) dead_members_.erase(dead_members_.begin());
  }
  bool has_dead_members() const { return !dead_members_.empty(); }

 private:
  using Place = std::pair<std::int32_t, std::int64_t>;  // Partition and offset.
  struct Produced {
    Place place;
    std::int64_t id;
  };

  void AllowRepeats();
  Outcome FateOf(std::int64_t id) const;
  bool IsDone(const Produced& record, const std::map<std::int64_t, int>& rows) const;
  bool IsCommitted(const Place& place) const;
  void ReadLetters();
  Account TotalAccount();

  std::vector<std::unique_ptr<testing::FakeRecordSource>> dead_members_;
  std::size_t produced_ = 0;
  std::int64_t next_id_ = 0;
  std::vector<std::vector<Produced>> records_;         // By partition, in order.
  std::vector<std::size_t> checked_;                   // By partition: so many are.
  std::map<std::int64_t, std::vector<Place>> copies_;  // By id.
  Account expected_;
  std::set<std::int64_t> may_repeat_;  // Ids.
  bool lost_something_ = false;
  bool lost_account_ = false;
  std::set<Place> letters_;
  StreamSeq letters_read_{0};
  bool broken_ = false;  // One message says enough.
};

}  // namespace penstock::sim
