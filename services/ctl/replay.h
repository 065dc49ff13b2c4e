#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "io/key_value.h"
#include "io/record_fetcher.h"
#include "io/stream.h"
#include "model/dead_letter.h"
#include "model/pipeline_spec.h"
#include "model/plan.h"
#include "model/shard_record.h"
#include "stage/record_reader.h"

namespace penstock::ctl {

/// What stands in the source_id of a replayed record's origin behind the source's own:
/// `events#replay/<attempt>/<offset>`. It cannot be in a source's own id's place: the sink's
/// progress in such an origin is this one record's.
inline constexpr std::string_view kReplayMark = "#replay/";
bool IsReplay(const Origin& origin);

/// What became of a letter that was to be replayed.
enum class ReplayOutcome : std::uint8_t {
  kInserted,     ///< Its row is in ClickHouse now.
  kWasInserted,  ///< An earlier replay had brought it in: nothing was done.
  kFiltered,     ///< The present pipeline's filter leaves it out.
  kDuplicate,    ///< Another record of its key is within the window.
  kRefused,      ///< It is a dead letter again, for the reason that the new letter has.
  kNotARow,      ///< The present pipeline makes no row of the record: `detail` says why.
  kGone,         ///< Kafka does not have the record any more, and the letter has no copy of it.
  kUnconfirmed,  ///< Sent, and the sink has not confirmed it yet; call again to see.
};
std::string_view ToText(ReplayOutcome outcome);

struct ReplayedLetter {
  const DeadLetter* letter = nullptr;
  ReplayOutcome outcome = ReplayOutcome::kUnconfirmed;
  std::string detail;
};

/// Error code "replay": no record of this pipeline can be sent again alone, with what to do
/// instead.
Status CheckReplayable(const PipelineSpec& spec);

/// Sends the records of dead letters through the present pipeline again. Each record is an origin
/// of its own, which the sink takes once: however often a letter is replayed, and whatever dies
/// meanwhile, its row is in the table once. A record that has not become a row may be replayed
/// again. The sink's record keeps some 100 bytes for each replayed letter, so a shard
/// takes kMostInAShard of them.
///
/// One owner thread.
class Replayer {
 public:
  static constexpr std::size_t kMostInAShard = 2'000;

  struct Options {
    std::string pipeline_id;
    std::uint32_t shards = 0;
    SourceSpec source;
    SourcePlan plan;
    Clock::Duration patience{};  ///< For one answer of Kafka or NATS.
    Clock::Duration wait{};      ///< For the sink to confirm all that was sent.
  };
  struct Parts {
    io::RecordFetcher& records;
    io::Publisher& publisher;
    io::KeyValue& bucket;
    const Clock& clock;
  };

  Replayer(Options options, Parts parts, stage::RecordReader reader);

  /// One result for each letter, in their order; letters of the same record share it. Fails when
  /// Kafka or NATS does not answer: what was sent until then is sent once all the same.
  Result<std::vector<ReplayedLetter>> Replay(const std::vector<DeadLetter>& letters,
                                             std::stop_token stop);

 private:
  /// A record that was sent: where its outcome will be seen.
  struct Sent {
    std::size_t result = 0;
    ShardId shard;
    Origin origin;
  };

  Status Send(const DeadLetter& letter, std::size_t index, ReplayedLetter& result);
  Status SendRow(const DeadLetter& letter, const io::RecordChunk& chunk, std::size_t index,
                 ReplayedLetter& result);
  Result<std::unique_ptr<io::RecordChunk>> RecordOf(const DeadLetter& letter);
  Status Publish(const Batch& batch);
  Status AwaitConfirmations(std::vector<ReplayedLetter>& results, std::stop_token stop);
  Result<ShardRecord> RecordOfShard(ShardId shard);

  /// A shard as the call found it, and how many replayed letters its record has or will have.
  struct Shard {
    ShardRecord record;
    std::size_t replays = 0;
  };
  Result<Shard*> ShardOf(ShardId shard);

  const Options options_;
  Parts parts_;
  stage::RecordReader reader_;
  std::vector<Sent> sent_;
  std::map<ShardId, Shard> shards_;
};

}  // namespace penstock::ctl
