#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "ingestor/shard_output.h"
#include "io/record_source.h"
#include "model/hop.h"
#include "stage/record_reader.h"

namespace penstock::ingestor {

using stage::RecordReader;

/// Turns the records of its partitions into batches: parse, route, fill, publish. A partition
/// always belongs to one worker, so its records keep their order.
///
/// When a shard has no room, the partitions that need it wait with their records; the others go
/// on. What waits is bounded by the caller, which pauses partitions by `queued_bytes`.
///
/// In front of a join it tells every shard, about once a second, how far the time of its partitions
/// has come, also of those that have nothing for the shard.
///
/// Threads: its own; the public methods may be called from any other and never wait.
class Worker {
 public:
  struct Options {
    std::string name;
    std::uint32_t shards = 0;
    Hop hop = Hop::kIn;           ///< Where it sends to.
    ShardOutput::Options output;  ///< Of every shard, but for the shard and its subject.
  };

  Worker(Options options, RecordReader reader, ShardOutput::Parts parts);
  /// Waits for the answers to what was sent.
  ~Worker();

  void Start();

  void AddPartition(CommitTracker::Stay stay, CommitTracker::Beginning beginning);
  /// Forgets its records that are not in a batch yet; they are read again by whoever owns it next.
  void RemovePartition(std::int32_t partition);
  void Deliver(std::unique_ptr<io::RecordChunk> chunk);
  void ReachedEnd(std::int32_t partition, Offset next);
  /// A partition that is not read is not known to be at its end until ReachedEnd says so again.
  void SetPaused(std::int32_t partition, bool paused);
  /// Kafka has trouble: for a while nobody knows what is in it.
  void HoldTime();

  /// Bytes of the chunks that are not done with.
  std::size_t queued_bytes() const { return queued_bytes_.load(std::memory_order_relaxed); }
  /// Takes no more records into batches and publishes what is in them.
  void BeginDrain();
  /// Waits until all of it is acknowledged or `deadline` passes.
  void FinishDrain(Clock::Time deadline);
  /// The error that ended the worker: the process has to end with it.
  std::optional<Error> failure() const;

 private:
  struct Added {
    CommitTracker::Stay stay;
    CommitTracker::Beginning beginning;
  };
  struct Removed {
    std::int32_t partition;
  };
  struct Paused {
    std::int32_t partition;
    bool paused;
  };
  struct TimeHeld {};
  using Event = std::variant<Added, Removed, std::unique_ptr<io::RecordChunk>, io::ReachedEnd,
                             Paused, TimeHeld>;
  struct ShardAnswer {
    ShardId shard;
    Result<io::PublishAck> answer;
  };
  struct Partition {
    PartitionStay stay;
    std::deque<std::unique_ptr<io::RecordChunk>> chunks;
    std::size_t next_record = 0;  // In the first chunk.
    Offset next;                  // After the last record that is in a section.
    std::optional<Offset> end;    // Reached once the chunks before it are done with.
    bool paused = false;
  };

  void Run(std::stop_token stop);
  Status Work(std::stop_token stop);
  void AwaitAnswers();
  void Post(Event event);
  void WaitForWork(std::stop_token stop);
  Clock::Time NextDeadline() const;
  Status TakeAnswers();
  void TakeEvents();
  void Handle(Event event);
  void Handle(const Added& added);
  void Handle(std::unique_ptr<io::RecordChunk> chunk);
  Partition* Find(std::int32_t partition);
  void DropChunks(Partition& partition);
  /// One chunk of each partition, as far as there is room. False: nothing could be done.
  bool ProcessAll();
  void PassEnd(Partition& partition);
  bool ProcessChunk(Partition& partition);
  static bool HasRoom(ShardOutput& output, std::size_t bytes);
  bool TakeRecord(Partition& partition, const io::RecordChunk& chunk, std::size_t index);
  void FinishChunk(Partition& partition);
  bool TakeDeadLetter(Partition& partition, ShardOutput& output, const io::Record& record,
                      DeadLetterReason reason, std::string error);
  void TellClocks();
  bool Draining() const;
  void SendWhatIsDue();
  bool AllIdle() const;

  const Options options_;
  ShardOutput::Parts parts_;
  RecordReader reader_;
  std::vector<ShardOutput> outputs_;
  std::map<std::int32_t, Partition> partitions_;
  bool progressed_ = true;  // The last turn found something to do.
  bool has_waiting_ = false;
  bool flushing_ = false;  // A drain has been asked for, and this thread knows.
  Clock::Time next_clocks_ = Clock::Time::min();
  std::atomic<std::size_t> queued_bytes_{0};

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  // Guarded by mutex_.
  std::deque<Event> events_;
  std::vector<ShardAnswer> answers_;
  std::optional<Error> failure_;
  bool draining_ = false;
  bool drained_ = false;

  std::jthread thread_;
};

}  // namespace penstock::ingestor
