#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "model/dead_letter.h"
#include "sink/block.h"

namespace penstock::sink {

/// Whoever cut a block: the pool tells it what happened. Called from the pool's threads.
class BlockOwner {
 public:
  virtual ~BlockOwner() = default;

  /// Records the block's intent as it is now, with the rows of the letters given up, and sends
  /// these: they are acknowledged when this returns. Waits its turn: new intents are recorded in
  /// the order of the blocks. False: do not insert, the owner stops.
  virtual bool Record(Block& block, std::vector<DeadLetter> given_up) = 0;
  /// The block is in the table, for good.
  virtual void Inserted(std::unique_ptr<Block> block) = 0;
  /// The block cannot be read at all: the shard stops with this error.
  virtual void Failed(std::unique_ptr<Block> block, Error error) = 0;
};

}  // namespace penstock::sink
