#pragma once

#include <stop_token>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/ids.h"

namespace penstock::stage {

/// Which shards of its stage this process works on, as they come and go. It says who works, not
/// who may write: what a stage writes is fenced without it.
///
/// Threads: one, the owner of the shards.
class Ownership {
 public:
  struct Change {
    std::vector<ShardId> take;     ///< To be worked on from now on.
    std::vector<ShardId> give_up;  ///< To be finished with what is in hand; another waits for them.
    std::vector<ShardId> lost;     ///< Another has them: to be stopped at once.

    bool empty() const { return take.empty() && give_up.empty() && lost.empty(); }
  };

  virtual ~Ownership() = default;

  /// Waits for the next change; an empty one after `deadline` or `stop`. An error: this process is
  /// not wanted; it gives up what it has and ends.
  virtual Result<Change> Next(Clock::Time deadline, std::stop_token stop) = 0;
  /// The shard is not worked on here any more, and what it held (a store on disk) is closed:
  /// another may have it. It may come back with a later change.
  virtual void Ended(ShardId shard) = 0;
  /// The shard's fence has refused a write: somebody else works on it. An error: that ends this
  /// process; else only the shard ends here.
  virtual Status Overtaken(const Error& conflict) = 0;
  /// The process stops: nothing comes any more, and Ended is told of every shard that it has.
  virtual void Leave() = 0;
};

}  // namespace penstock::stage
