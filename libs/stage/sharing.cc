#include "stage/sharing.h"

#include <utility>

#include "stage/static_ownership.h"

namespace penstock::stage {

std::vector<ShardId> PossibleShards(const Sharing& sharing, std::uint32_t shards) {
  return OwnedShards(sharing.replica_name.empty() ? sharing.replica : Replica{}, shards);
}

Result<std::unique_ptr<Ownership>> MakeOwnership(const Sharing& sharing, const std::string& stage,
                                                 std::uint32_t shards,
                                                 LeasedOwnership::Parts parts) {
  if (sharing.replica_name.empty()) {
    return std::unique_ptr<Ownership>(std::make_unique<StaticOwnership>(sharing.replica, shards));
  }
  if (sharing.times.heartbeat <= Clock::Duration(0) ||
      sharing.times.gone_after < 3 * sharing.times.heartbeat) {
    return Error{Remedy::kStop, "usage",
                 "--lease-timeout must be three times --lease-heartbeat at least, and that more "
                 "than nothing"};
  }
  LeasedOwnership::Options options{
      .stage = stage, .replica = sharing.replica_name, .shards = shards, .times = sharing.times};
  return std::unique_ptr<Ownership>(
      std::make_unique<LeasedOwnership>(std::move(options), std::move(parts)));
}

}  // namespace penstock::stage
