#pragma once

#include <algorithm>
#include <map>

#include "state/key_store.h"

namespace penstock::state {

/// In memory, without a bound: for `penstock test` and tests.
class MemoryKeyStore : public KeyStore {
 public:
  Status Find(std::span<const KeyHash> keys, std::vector<Match>& found) override {
    found.clear();
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto [first, last] = rows_.equal_range(keys[i]);
      for (auto row = first; row != last; ++row) {
        found.push_back({i, row->second.row.id, row->second.row.timestamp_ms});
      }
    }
    return Done{};
  }
  Status Add(std::span<const FirstRow> rows, const Position& log) override {
    for (const FirstRow& row : rows) {
      const auto [first, last] = rows_.equal_range(row.key);
      const bool known = std::any_of(
          first, last, [&](const auto& entry) { return entry.second.row.id == row.id; });
      if (!known) rows_.emplace(row.key, Entry{row, log.seq});
    }
    log_ = log;
    return Done{};
  }
  Position log() const override { return log_; }
  Status Rebase(const Position& log) override {
    log_ = log;
    return Done{};
  }
  Result<StreamSeq> DropBefore(std::int64_t timestamp_ms) override {
    std::erase_if(rows_,
                  [&](const auto& entry) { return entry.second.row.timestamp_ms < timestamp_ms; });
    StreamSeq first(log_.seq.rep() + 1);
    for (const auto& [key, entry] : rows_) first = std::min(first, entry.log_seq);
    return first;
  }
  Status Reset() override {
    rows_.clear();
    log_ = {};
    return Done{};
  }

  Stats stats() const override { return {.rows = rows_.size()}; }

 private:
  struct Entry {
    FirstRow row;
    StreamSeq log_seq;
  };
  std::multimap<KeyHash, Entry> rows_;
  Position log_;
};

}  // namespace penstock::state
