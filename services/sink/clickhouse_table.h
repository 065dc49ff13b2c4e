#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "clickhouse/block_builder.h"
#include "clickhouse/block_plan.h"
#include "clickhouse/client.h"
#include "model/plan.h"
#include "protocol/batch_codec.h"
#include "sink/free_list.h"
#include "sink/table_writer.h"

namespace penstock::sink {

/// TableWriter on a ClickHouse table: which rows of a block become which bytes of an INSERT.
/// Thread-safe: every call borrows a connection or column buffers of its own.
class ClickHouseTable final : public TableWriter {
 public:
  struct Options {
    SinkSpec sink;
    PipelinePlan plan;
    std::string pipeline_id;
  };
  using DescribedCallback = std::function<void(const clickhouse::TableDescription&)>;

  /// `on_described` is told the table each time it is learnt, from the calling thread.
  ClickHouseTable(Options options, const Clock& clock, DescribedCallback on_described);
  ~ClickHouseTable() override;

  std::optional<TableTrouble> Describe(bool refresh, std::stop_token stop) override;
  std::uint64_t version() override;
  clickhouse::TokenWindow Window() override;
  std::string PartitionKey() override;
  Result<PreparedBlock> Prepare(const Block& block, const Piece& piece) override;
  std::optional<TableTrouble> Insert(PreparedBlock& prepared, std::string_view token,
                                     std::stop_token stop) override;
  std::optional<TableTrouble> CountMissing(const Block& block, const Piece& piece,
                                           std::chrono::seconds ago, std::size_t& missing,
                                           std::stop_token stop) override;
  std::optional<TableTrouble> HashPartitions(const Block& block, std::string_view partition_key,
                                             std::vector<std::uint64_t>& hashes,
                                             std::stop_token stop) override;
  Result<std::vector<DeadLetter>> Letters(const Block& block,
                                          std::span<const GivenUp> rows) override;

  /// How long the table remembers tokens at the pace of the last `over`. Describes the table
  /// again, since what it remembers can be changed.
  struct Pace {
    double parts_per_second = 0;
    clickhouse::TokenMemory memory;
  };
  Result<Pace> MeasurePace(std::chrono::seconds over, std::stop_token stop);

  /// The connection's, as all workers know them.
  const clickhouse::Hosts& hosts() const { return hosts_; }

 private:
  /// All that follows from a description of the table. Immutable.
  struct Known {
    std::uint64_t version = 0;
    clickhouse::TableDescription table;
    std::shared_ptr<const clickhouse::BlockPlan> plan;
    std::shared_ptr<const std::vector<std::string>> columns;
  };
  /// Rows of one message on their way into a converter.
  struct Source;
  struct Converter;

  Result<std::shared_ptr<const clickhouse::BlockPlan>> MakePlan(
      const clickhouse::TableDescription& table);
  std::shared_ptr<const Known> Current();
  auto BorrowClient();
  auto BorrowConverter(const Known& known);
  /// The piece as SelectRows takes it, and the columns of it.
  Result<clickhouse::EncodedBlock> EncodePlain(const Known& known, const Block& block,
                                               const Piece& piece,
                                               std::vector<std::size_t>* numbers);
  static std::vector<std::pair<std::string, std::string>> StructureOf(const Known& known);
  Status Convert(const Block& block, const Piece& piece, Converter& converter,
                 PreparedBlock& prepared) const;
  static void LeaveOut(const Source& source, const Piece& piece, std::size_t begin, std::size_t end,
                       std::vector<std::size_t>& rows);
  Status AppendRows(const Source& source, const Piece& piece, Converter& converter,
                    PreparedBlock& prepared) const;
  void NoteRows(const Source& source, std::size_t begin, std::size_t end, Converter& converter,
                PreparedBlock& prepared) const;
  TableTrouble TroubleOf(const clickhouse::InsertOutcome& outcome,
                         const PreparedBlock& prepared) const;
  clickhouse::ErrorClass ClassOf(int code, clickhouse::ErrorClass error_class) const;
  DeadLetter LetterFor(const Section& section, std::size_t row, std::size_t row_in_section,
                       const protocol::Rows& rows) const;

  const Options options_;
  const Clock& clock_;
  const DescribedCallback on_described_;
  const clickhouse::BodyCodec codec_;
  const std::string process_id_;  // Tells the query ids of two processes apart.
  std::atomic<std::uint64_t> attempts_{0};

  std::mutex mutex_;
  std::shared_ptr<const Known> known_;  // Guarded by mutex_; empty: not described.
  clickhouse::Hosts hosts_;
  FreeList<clickhouse::Client> clients_;
  FreeList<Converter> converters_;
};

}  // namespace penstock::sink
