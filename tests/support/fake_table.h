#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "sink/table_writer.h"

namespace penstock::testing {

/// A table in memory that drops a repeated token and refuses as ClickHouse does: rows, blocks for
/// which it has no memory, blocks of too many partitions. Fails now and then before or after it has
/// applied an insert. Rows are the values of the first column, whole numbers. Outlives the sinks
/// that write into it. Thread-safe.
class FakeTable final : public sink::TableWriter {
 public:
  using RowTest = std::function<bool(std::int64_t id)>;

  struct Faults {
    RowTest unconvertible{};  ///< Prepare leaves these out, with a letter.
    RowTest refused{};        ///< Code 469, as a constraint's.
    int refused_code = 469;
    clickhouse::ErrorClass refused_class = clickhouse::ErrorClass::kData;
    std::size_t memory_rows = 0;      ///< Blocks of more have code 241; 0: any number fits.
    std::int64_t partitions = 0;      ///< The table's: id modulo this; 0: it has none.
    std::size_t partition_limit = 0;  ///< Of a block: more have code 252.
    bool knows_partitions = true;     ///< Whether HashPartitions can be answered.
    // One attempt in so many, 0: none.
    unsigned busy = 0;       ///< Refused, with a transient code.
    unsigned no_memory = 0;  ///< Refused with code 241, whatever its size.
    unsigned lost = 0;       ///< Has no answer; every other one of them was applied.
    unsigned hollow = 0;  ///< Has no answer; the table has its token, and will not have its rows.
  };

  explicit FakeTable(std::uint64_t seed = 1) : random_(seed) {}

  void Set(Faults faults);
  /// Refuses everything, with the class, until Open.
  void Close(clickhouse::ErrorClass error_class = clickhouse::ErrorClass::kTransient);
  void Open();
  /// As ALTER TABLE does: blocks that were made before have to be made anew.
  void Change();
  /// Called before each insert, with its number from 1, outside the lock.
  void OnInsert(std::function<void(std::uint64_t)> callback) { on_insert_ = std::move(callback); }

  /// How often each row was inserted.
  std::map<std::int64_t, int> Rows();
  std::size_t row_count();
  /// Attempts so far, and blocks and pieces applied.
  std::uint64_t attempts();
  std::size_t applied();
  /// Rows of each applied block or piece, by token.
  std::map<std::string, std::vector<std::int64_t>> Blocks();

  std::optional<sink::TableTrouble> Describe(bool refresh, std::stop_token stop) override;
  std::uint64_t version() override;
  clickhouse::TokenWindow Window() override { return {.blocks = 100, .seconds = 0}; }
  std::string PartitionKey() override { return "id % partitions"; }
  Result<sink::PreparedBlock> Prepare(const sink::Block& block, const sink::Piece& piece) override;
  std::optional<sink::TableTrouble> Insert(sink::PreparedBlock& prepared, std::string_view token,
                                           std::stop_token stop) override;
  std::optional<sink::TableTrouble> CountMissing(const sink::Block& block, const sink::Piece& piece,
                                                 std::chrono::seconds ago, std::size_t& missing,
                                                 std::stop_token stop) override;
  std::optional<sink::TableTrouble> HashPartitions(const sink::Block& block,
                                                   std::string_view partition_key,
                                                   std::vector<std::uint64_t>& hashes,
                                                   std::stop_token stop) override;
  Result<std::vector<DeadLetter>> Letters(const sink::Block& block,
                                          std::span<const GivenUp> rows) override;

 private:
  std::optional<sink::TableTrouble> RefusalOf(const std::vector<std::int64_t>& ids);
  bool OneIn(unsigned times) { return times > 0 && random_() % times == 0; }

  std::function<void(std::uint64_t)> on_insert_;
  std::mutex mutex_;
  // Guarded by mutex_:
  std::mt19937_64 random_;
  Faults faults_;
  std::optional<clickhouse::ErrorClass> closed_;
  std::uint64_t version_ = 1;
  std::uint64_t attempts_ = 0;
  std::map<std::string, std::vector<std::int64_t>> blocks_;  // By token.
  std::set<std::string> hollow_;                             // Tokens without rows.
};

/// One row of a block, as ForEachRow tells it.
struct FakeRow {
  std::int64_t id;
  std::size_t number;
  Origin origin;
  Offset offset;
};
/// The rows of a block in the order of its messages.
void ForEachRow(const sink::Block& block, const std::function<void(const FakeRow&)>& each);

}  // namespace penstock::testing
