#pragma once

#include "sim/process.h"
#include "sink/table_writer.h"
#include "support/fake_table.h"

namespace penstock::sim {

/// ClickHouse's table as one sink sees it over the simulated network.
class Table final : public sink::TableWriter {
 public:
  Table(Process& process, testing::FakeTable& server) : process_(process), server_(server) {}

  std::optional<sink::TableTrouble> Describe(bool refresh, std::stop_token stop) override;
  std::uint64_t version() override { return server_.version(); }
  clickhouse::TokenWindow Window() override { return server_.Window(); }
  std::string PartitionKey() override { return server_.PartitionKey(); }
  Result<sink::PreparedBlock> Prepare(const sink::Block& block, const sink::Piece& piece) override {
    return server_.Prepare(block, piece);
  }
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
                                          std::span<const GivenUp> rows) override {
    return server_.Letters(block, rows);
  }

 private:
  using Answer = std::optional<sink::TableTrouble>;
  Answer Ask(Process::Kind kind, std::function<Result<Answer>()> serve);

  Process& process_;
  testing::FakeTable& server_;
};

}  // namespace penstock::sim
