#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/byte_budget.h"
#include "base/clock.h"
#include "io/key_value.h"
#include "io/stream.h"
#include "model/shard_record.h"
#include "sink/block_planner.h"
#include "sink/insert_pool.h"
#include "sink/sink_metrics.h"
#include "stage/owned_shard.h"
#include "stage/shard_record_store.h"

namespace penstock::sink {

/// Writes one shard into the table: reads its stream in order, cuts blocks, records each as an
/// intent, hands it to the pool, and confirms in the order of the intents by moving position,
/// progress and account in the shard's record (docs/delivery-guarantees.md, "the sink").
///
/// Guarantee: a block is inserted only after its intent is in the record; the record moves only
/// after the insert was confirmed; a message is trimmed only after the record has moved past it.
///
/// Threads: one that reads the stream, one that owns the record; the pool calls the BlockOwner
/// methods, which wait for the owner.
class ShardWriter final : public BlockOwner, public stage::OwnedShard {
 public:
  struct Options {
    std::string pipeline_id;
    ShardId shard;
    std::uint32_t shards = 0;
    std::string stream;
    std::string dead_letter_subject;
    Fingerprints fingerprints;
    BlockPlanner::Limits limits;
    Clock::Duration max_delay{};
    std::size_t held_bytes = 0;  ///< Of messages in memory at once.
    std::size_t blocks_in_flight = 0;
    Clock::Duration trim_interval = std::chrono::seconds(1);
  };
  struct Parts {
    io::Streams& streams;
    io::Publisher& publisher;
    io::KeyValue& bucket;
    InsertPool& pool;
    const Clock& clock;
    SinkMetrics& metrics;
  };

  ShardWriter(Options options, Parts parts);
  ~ShardWriter() override;

  void Start() override;
  /// Stops reading and cuts what is held into a last block; ends when all is confirmed.
  void RequestStop() override;
  bool ended() const override;
  /// What is not confirmed by then is in the record, for the next owner.
  void StopNow() override;
  std::optional<Error> failure() const override;
  /// Inserts may begin at any time: that is no matter of readiness.
  bool started() const override { return true; }

  bool Record(Block& block, std::vector<DeadLetter> given_up) override;
  void Inserted(std::unique_ptr<Block> block) override;
  void Failed(std::unique_ptr<Block> block, Error error) override;

 private:
  /// A worker that waits for its block's intent to be in the record.
  struct RecordRequest {
    Block* block = nullptr;
    std::vector<DeadLetter> given_up;
    bool answered = false;
    bool granted = false;
  };

  void RunReader(StreamSeq from, std::stop_token stop);
  Status ReadSome(io::StreamReader& reader, std::stop_token stop);
  Result<std::shared_ptr<const HeldMessage>> Hold(io::StreamMessage message, std::stop_token stop);

  void FinishWithout(const Error& stream);

  void RunOwner(std::stop_token stop);
  Status Own(std::stop_token stop);
  Status HowItEnds() const;
  Status TakeOver(std::stop_token stop);
  Status CheckStream();
  void WaitForWork(std::stop_token stop);
  bool HasWork() const;
  Clock::Time DueAt() const;
  bool Draining() const;
  void AddArrived();
  void GiveUp(std::span<const Intent> intents);
  void CutWhatIsDue();
  bool SubmitBlocks();
  /// Confirms what is finished and grants what may be recorded, with one write for all of it.
  Status UpdateRecord(std::stop_token stop);
  std::vector<std::unique_ptr<Block>> TakeFinished();
  std::vector<RecordRequest*> TakeRequests();
  void ApplyConfirmed(const Block& block);
  void Confirm(const Origin& origin, Offset lo, Offset hi);
  bool ApplyIntent(RecordRequest& request);
  Status Grant(RecordRequest& request, std::stop_token stop);
  void RefuseAll();
  void TrimStream();
  bool Idle() const;

  const Options options_;
  Parts parts_;
  stage::ShardRecordStore store_;
  ByteBudget budget_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  // Guarded by mutex_: what the other threads tell the owner, and it tells them.
  std::deque<std::shared_ptr<const HeldMessage>> arrived_;
  std::vector<RecordRequest*> requests_;
  std::map<std::uint64_t, std::unique_ptr<Block>> finished_;
  std::optional<Error> failure_;
  std::optional<Error> stream_lost_;  // Why the shard drains.
  bool draining_ = false;
  bool ended_ = false;

  // The owner's alone.
  ShardRecord record_;
  std::optional<BlockPlanner> planner_;
  std::deque<std::unique_ptr<Block>> waiting_;  // Cut, and not handed to the pool yet.
  std::set<std::uint64_t> unrecorded_;          // Cut, and their intent not in the record yet.
  std::uint64_t next_to_confirm_ = 0;
  std::size_t in_flight_ = 0;
  std::uint64_t unconfirmed_ = 0;  // Records that were read.
  bool record_changed_ = false;    // And not written yet.
  StreamSeq trimmed_{0};
  Clock::Time next_trim_{};

  std::jthread reader_;  // Started by the owner, so the owner ends first.
  std::jthread owner_;
};

}  // namespace penstock::sink
