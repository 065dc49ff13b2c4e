#include "ingestor/sink_view.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/patience.h"
#include "protocol/names.h"
#include "protocol/shard_record_codec.h"
#include "stage/shard_record_store.h"
#include "telemetry/log.h"

namespace penstock::ingestor {

SinkView::SinkView(io::KeyValue& bucket, std::uint32_t shards, std::string source_id,
                   CommitTracker& tracker, const Clock& clock, std::optional<JoinCommit> join)
    : bucket_(bucket),
      source_id_(std::move(source_id)),
      tracker_(tracker),
      clock_(clock),
      join_(join),
      taken_(shards),
      births_(shards) {}

Status SinkView::Start(std::stop_token stop) {
  for (std::uint32_t shard = 0; shard < births_.size(); ++shard) {
    PENSTOCK_ASSIGN_OR_RETURN(
        const ShardRecord record,
        WithPatience(
            clock_, stop, [](const Error&) {},
            [&] { return stage::LoadOrCreateShardRecord(bucket_, ShardId(shard), clock_); }));
    Take(ShardId(shard), record);
  }
  auto watch = bucket_.WatchPrefix(
      std::string(protocol::kShardRecordPrefix),
      [this](const std::string& key, const auto& entry) { OnChange(key, entry); });
  if (!watch.ok()) return std::move(watch).error();
  watch_ = std::move(watch).value();
  return Done{};
}

void SinkView::Take(ShardId shard, const ShardRecord& record) {
  const std::uint64_t before = births_[shard.rep()].exchange(record.birth);
  if (before != 0 && before != record.birth) tracker_.Lose(shard, LossReason::kRecord);
  if (join_) {
    if (record.join) TakeJoin(shard, *record.join);
    return;
  }
  for (const auto& [origin, progress] : record.progress) {
    if (origin.source_id == source_id_) tracker_.Confirm(origin, shard, progress.confirmed);
  }
  tracker_.Passed(shard, record.input.value_or(record.position));
}

void SinkView::TakeJoin(ShardId shard, const JoinCheckpoint& checkpoint) {
  ConfirmJoin(shard, checkpoint);
  // A window that is not over, or another shard, may be what a record waits for.
  if (join_->shuffled || join_->after_window) return;
  tracker_.Passed(shard, (join_->left ? checkpoint.left : checkpoint.right).position);
}

void SinkView::ConfirmJoin(ShardId shard, const JoinCheckpoint& checkpoint) {
  for (const JoinSideProgress* const side : {&checkpoint.left, &checkpoint.right}) {
    for (const TakenIn& taken : side->taken) {
      if (taken.origin.source_id != source_id_) continue;
      const Offset last = (join_->after_window ? taken.settled : taken.now).last;
      if (join_->shuffled) {
        TakeShuffled(shard, {taken.origin, taken.writer}, last);
      } else if (taken.writer == shard) {
        tracker_.Confirm(taken.origin, shard, last);
      }
    }
  }
}

// Its rows may be in any shard: it has come as far as the shard that is least far.
void SinkView::TakeShuffled(ShardId shard, Share share, Offset last) {
  Offset& known = taken_[shard.rep()].try_emplace(share, -1).first->second;
  if (known == last) return;
  known = last;
  for (const auto& of_shard : taken_) {
    const auto there = of_shard.find(share);
    last = std::min(last, there == of_shard.end() ? Offset(-1) : there->second);
  }
  if (share.second.rep() < taken_.size()) tracker_.Confirm(share.first, share.second, last);
}

void SinkView::OnChange(const std::string& key, const std::optional<io::KeyValueEntry>& entry) {
  std::uint32_t shard = 0;
  const std::string_view number = std::string_view(key).substr(protocol::kShardRecordPrefix.size());
  const auto parsed = std::from_chars(number.data(), number.data() + number.size(), shard);
  if (parsed.ec != std::errc() || shard >= births_.size() || !entry) return;
  const auto record = protocol::DecodeShardRecord(entry->value);
  if (!record.ok()) {
    Log(LogLevel::kError, "A sink's record cannot be read; its shard holds the commit back.",
        {{"key", key}, {"error", record.error().detail}});
    return;
  }
  Take(ShardId(shard), record.value());
}

}  // namespace penstock::ingestor
