#pragma once

#include <optional>

#include "base/result.h"

namespace penstock::stage {

/// What a stage does for one shard, in threads of its own. Its owner's thread calls the methods;
/// none but StopNow and the destructor waits.
class OwnedShard {
 public:
  virtual ~OwnedShard() = default;

  virtual void Start() = 0;
  /// Finishes what is in hand; `ended` says when.
  virtual void RequestStop() = 0;
  virtual bool ended() const = 0;
  /// Leaves what is in hand to the next owner. Nothing of the shard runs when it returns.
  virtual void StopNow() = 0;

  /// The error that ended the shard, if one did: it needs somebody, or a restart. "conflict":
  /// another process works on it.
  virtual std::optional<Error> failure() const = 0;
  /// It has taken over what was there, and goes on.
  virtual bool started() const = 0;
};

}  // namespace penstock::stage
