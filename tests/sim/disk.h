#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "sim/process.h"
#include "state/memory_key_store.h"

namespace penstock::sim {

/// What a dedup store on disk has been told, in order.
struct Disk {
  struct Told {
    std::vector<FirstRow> rows;
    Position log;
  };
  std::vector<Told> told;
};

/// The disk that each replica has for each shard.
using Disks = std::map<std::pair<std::string, ShardId>, Disk>;

/// The store that a process opens on a disk: it has what an earlier process wrote, but for an end
/// that never came to the disk. One thread.
class DiskStore final : public state::MemoryKeyStore {
 public:
  explicit DiskStore(Disk& disk) : disk_(disk) {
    if (OneIn(2)) disk_.told.resize(Below(disk_.told.size() + 1));
    for (const Disk::Told& told : disk_.told) {
      EXPECT_TRUE(MemoryKeyStore::Add(told.rows, told.log).ok());
    }
  }

  Status Add(std::span<const FirstRow> rows, const Position& log) override {
    disk_.told.push_back({{rows.begin(), rows.end()}, log});
    return MemoryKeyStore::Add(rows, log);
  }

 private:
  Disk& disk_;
};

}  // namespace penstock::sim
