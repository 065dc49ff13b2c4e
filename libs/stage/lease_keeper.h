#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "io/key_value.h"
#include "stage/lease_entries.h"
#include "stage/ownership.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace penstock::stage {

struct LeaseTimes {
  Clock::Duration heartbeat = std::chrono::seconds(2);
  /// A member that has said nothing for so long, by the observer's clock, is gone.
  Clock::Duration gone_after = std::chrono::seconds(10);
};

/// What a replica does about the leases of its stage: it says that it lives, watches who else does,
/// and takes and releases the shards' leases in the pipeline's bucket (docs/adr/0010). Shard i
/// belongs to the (i mod n)-th of the sorted live members.
///
/// Guarantee: a lease is taken by compare-and-swap, and only one that nobody has, that an earlier
/// incarnation of this replica had, or whose owner is gone. A replica that cannot see the bucket
/// takes nothing, counts nobody's silence, and keeps what it has. One that finds the bucket gone
/// makes it again.
///
/// Threads: one. It never waits, but for the answers of the bucket.
class LeaseKeeper {
 public:
  struct Options {
    std::string stage;        ///< As in the keys: "sink", "transform-left".
    std::string replica;      ///< Cleaned: protocol::PipelineToken.
    std::string incarnation;  ///< Of this process; no blanks.
    std::uint32_t shards = 0;
    LeaseTimes times;
  };
  struct Parts {
    io::KeyValue& bucket;
    const Clock& clock;
    std::function<Status()> make_bucket;
    Counter taken;
    Counter released;
    Counter lost;
    Gauge idle;
  };

  LeaseKeeper(Options options, Parts parts);

  /// What watches of the stage's members and leases tell. Before Step.
  void Told(const std::string& key, const std::optional<io::KeyValueEntry>& entry);
  /// As Ownership's.
  void Ended(ShardId shard);
  void Leave() { leaving_ = true, next_ = next_beat_ = {}; }

  /// Does what is due. Error "name_taken": another live process has this replica's name.
  Status Step();
  /// When Step is due again, if nothing is told before.
  Clock::Time next() const { return next_; }
  /// What has changed since it was asked last.
  Ownership::Change TakeChange() { return std::exchange(change_, {}); }
  /// After Leave: everything is released, and nothing says any more that this replica is there.
  bool left() const { return left_; }

 private:
  struct Member {
    MemberEntry entry;
    Clock::Time changed_at{};
    bool removed = false;  // Its entry is, as was told.
  };
  /// What is known of a lease in the bucket.
  struct View {
    std::optional<LeaseEntry> lease{};  // Empty: none, or garbage.
    std::uint64_t revision = 0;         // 0: there is no entry.
    bool doubtful = true;               // To be looked up before it is relied on.
    Clock::Time looked_at{};
  };
  enum class State : std::uint8_t {
    kElsewhere,
    kWorking,
    kGivingUp,  // As was told; until Ended.
    kLost,      // The same, and another has it.
    kEnded,     // To be released.
  };
  struct Shard {
    State state = State::kElsewhere;
    View view{};
    Clock::Time not_before{};  // Is it taken again.
  };

  Status DoWhatIsDue();
  Status ClaimName();
  Status Beat();
  Status DropGoneMembers();
  Result<bool> IsGone(const std::string& name, Member& member);
  void CountLiveMembers();
  Status Tend(ShardId shard);
  Status TendElsewhere(ShardId shard);
  Status TendWorking(ShardId shard);
  Status TryTake(ShardId shard);
  Result<bool> IsFree(const std::optional<LeaseEntry>& lease);
  Status Release(ShardId shard);
  Status SayGoodbye();

  void ToldMember(const std::string& name, const std::optional<io::KeyValueEntry>& entry);
  void ToldLease(const std::string& number, const std::optional<io::KeyValueEntry>& entry);
  void SetView(ShardId shard, const std::optional<io::KeyValueEntry>& entry);
  void StopIfLost(ShardId shard);
  /// Writes the lease over what is known of it. False: it was another.
  Result<bool> Swap(ShardId shard, const LeaseEntry& lease);

  void MakeBucket();

  // Calls to the bucket; each answer shows that it can be seen.
  Result<std::optional<io::KeyValueEntry>> Look(const std::string& key);
  Result<std::uint64_t> Write(const std::string& key, std::string_view value,
                              std::uint64_t revision);
  void Answered();

  Shard& At(ShardId shard) { return shards_[shard.rep()]; }
  bool IsMine(const View& view) const;
  bool IsOthers(const View& view) const;
  bool IsTarget(ShardId shard) const;
  MemberEntry Me() const { return {options_.incarnation, beat_, leaving_}; }
  Error NameTaken() const;

  const Options options_;
  Parts parts_;
  const std::string my_key_;

  bool claimed_ = false;         // The name is ours.
  bool sees_everybody_ = false;  // The watch has come up to our own entry.
  bool taken_from_us_ = false;   // The name.
  bool leaving_ = false;
  bool left_ = false;
  std::optional<MemberEntry> predecessor_;  // Has the name, and may be dead.
  Clock::Time predecessor_seen_{};
  std::uint64_t beat_ = 0;
  std::optional<std::uint64_t> my_revision_;  // Of our entry; 0: there is none; empty: not known.
  Clock::Time vanished_at_{};                 // When our entry was found to be gone.
  Clock::Time next_beat_{};
  Clock::Time next_{};
  Clock::Time answered_at_{};

  std::map<std::string, Member> members_;  // The others.
  std::vector<std::string> live_;          // Sorted; with us, unless we are leaving.
  std::optional<bool> idle_;
  std::vector<Shard> shards_;
  // The bucket, in the last step: it is not made at once, as it may be on its way out (ShardSet
  // says why that matters).
  bool was_gone_ = false;
  bool again_ = false;  // Something could not be done in this step.
  Ownership::Change change_;
  LogEvery log_;
};

}  // namespace penstock::stage
