#include "transform/shard_keys.h"

#include <utility>
#include <vector>

#include "base/patience.h"
#include "protocol/key_log_codec.h"
#include "stage/known_position.h"
#include "telemetry/log.h"

namespace penstock::transform {

namespace {

constexpr auto kPublishTimeout = std::chrono::seconds(5);
constexpr auto kReadWait = std::chrono::seconds(1);
constexpr std::size_t kReadBytes = 4 << 20;
constexpr auto kProgressInterval = std::chrono::seconds(10);

}  // namespace

Status ShardKeys::Open(bool expect_rows, std::stop_token stop) {
  PENSTOCK_ASSIGN_OR_RETURN(
      const io::StreamState log,
      WithPatience(
          parts_.clock, stop,
          [&](const Error& error) { parts_.metrics.Waits(options_.shard, error); },
          [&] { return CheckLog(expect_rows); }));
  return Replay(log, std::move(stop));
}

// A store that follows another log than this one keeps what it knows.
Result<io::StreamState> ShardKeys::CheckLog(bool expect_rows) {
  PENSTOCK_ASSIGN_OR_RETURN(const io::StreamState log, parts_.streams.State(options_.stream));
  const Position followed = store_.log();
  created_ns_ = log.created_ns;
  if (followed.seq.rep() == 0) {
    if (expect_rows && log.messages == 0) parts_.metrics.StateLost(options_.shard);
    return log;
  }
  if (followed.created_ns == log.created_ns && followed.seq <= log.last) return log;
  Log(LogLevel::kWarn,
      "The key log is another one than the store on disk followed; the store keeps its keys.",
      {{"stream", options_.stream}, {"followed", followed.seq}, {"last", log.last}});
  const bool shorter = followed.created_ns == log.created_ns;
  PENSTOCK_RETURN_IF_ERROR(store_.Rebase(
      {.created_ns = log.created_ns, .seq = shorter ? log.last : StreamSeq(0), .digest = 0}));
  return log;
}

Status ShardKeys::Replay(const io::StreamState& log, std::stop_token stop) {
  if (store_.log().seq >= log.last || log.messages == 0) return Done{};
  const Clock::Time started = parts_.clock.Now();
  const StreamSeq from(store_.log().seq.rep() + 1);
  Log(LogLevel::kInfo, "Reading the key log.",
      {{"shard", options_.shard}, {"from", from}, {"to", log.last}});
  PENSTOCK_RETURN_IF_ERROR(ReadUpTo(log.last, std::move(stop)));
  parts_.metrics.Rebuilt(options_.shard, parts_.clock.Now() - started);
  return Done{};
}

Status ShardKeys::ReadUpTo(StreamSeq last, std::stop_token stop) {
  const auto reader =
      parts_.streams.ReadFrom(options_.stream, StreamSeq(store_.log().seq.rep() + 1));
  Clock::Time say_at = parts_.clock.Now() + kProgressInterval;
  while (store_.log().seq < last) {
    if (stop.stop_requested()) return kStopped;
    PENSTOCK_RETURN_IF_ERROR(WithPatience(
        parts_.clock, stop,
        [&](const Error& error) { parts_.metrics.Waits(options_.shard, error); },
        [&] { return ReplaySome(*reader, stop); }));
    if (parts_.clock.Now() < say_at) continue;
    say_at = parts_.clock.Now() + kProgressInterval;
    Log(LogLevel::kInfo, "Still reading the key log.",
        {{"shard", options_.shard}, {"at", store_.log().seq}, {"to", last}});
  }
  return Done{};
}

Status ShardKeys::ReplaySome(io::StreamReader& reader, std::stop_token stop) {
  PENSTOCK_ASSIGN_OR_RETURN(const auto messages,
                            reader.Read(kReadBytes, parts_.clock.Now() + kReadWait, stop));
  for (const io::StreamMessage& message : messages) {
    auto decoded = protocol::DecodeKeyLog(message.data, replayed_);
    if (!decoded.ok()) {
      return std::move(decoded).error().Within(
          fmt::format("message {} of stream {}", message.seq.rep(), options_.stream));
    }
    PENSTOCK_RETURN_IF_ERROR(
        Store(replayed_, {.created_ns = created_ns_, .seq = message.seq, .digest = 0}, stop));
  }
  return Done{};
}

Status ShardKeys::Append(std::span<const FirstRow> rows, std::stop_token stop) {
  if (rows.empty()) return Done{};
  message_.clear();
  protocol::EncodeKeyLog(rows, message_);
  // No fence and no message id: whoever appends these rows again says nothing new.
  PENSTOCK_ASSIGN_OR_RETURN(
      const io::PublishAck ack,
      WithPatience(
          parts_.clock, std::move(stop),
          [&](const Error& error) { parts_.metrics.PublishRefused(options_.shard, error); },
          [&] { return AppendNow(); }));
  appended_ = {.created_ns = created_ns_, .seq = ack.seq, .digest = 0};
  return Done{};
}

// Nobody answers where the log was deleted, either.
Result<io::PublishAck> ShardKeys::AppendNow() {
  auto ack = parts_.publisher.PublishAndWait(
      {.subject = options_.subject, .data = message_, .expected_last = {}, .message_id = {}},
      kPublishTimeout);
  if (ack.ok() || ack.error().remedy != Remedy::kRetry) return ack;
  auto log = parts_.streams.State(options_.stream);
  if (!log.ok() && log.error().code == "not_found") return std::move(log).error();
  return ack;
}

// Where others have appended in between (two that work on one shard at once, until one is stopped),
// or an attempt of ours without an answer, the log is read: a store that skipped it would not read
// it after a restart either.
Status ShardKeys::Remember(std::span<const FirstRow> rows, std::stop_token stop) {
  if (rows.empty()) return Done{};
  if (appended_.seq.rep() > store_.log().seq.rep() + 1) {
    return ReadUpTo(appended_.seq, std::move(stop));
  }
  return Store(rows, appended_, std::move(stop));
}

Status ShardKeys::Store(std::span<const FirstRow> rows, const Position& log, std::stop_token stop) {
  return WithPatience(
      parts_.clock, std::move(stop),
      [&](const Error& error) { parts_.metrics.StoreFailed(options_.shard, error); },
      [&] { return store_.Add(rows, log); });
}

Status ShardKeys::Forget(std::int64_t before_ms, std::stop_token stop) {
  PENSTOCK_ASSIGN_OR_RETURN(
      StreamSeq keep_from,
      WithPatience(
          parts_.clock, std::move(stop),
          [&](const Error& error) { parts_.metrics.StoreFailed(options_.shard, error); },
          [&] { return store_.DropBefore(before_ms); }));
  // The last message stays: with it a log that was replaced or lost its end can be told. One that
  // cannot be trimmed now will be with the next.
  keep_from = std::min(keep_from, store_.log().seq);
  const Status trimmed = stage::TrimDone(parts_.streams, options_.stream, store_.log(), keep_from);
  if (!trimmed.ok()) parts_.metrics.Waits(options_.shard, trimmed.error());
  return Done{};
}

Status ShardKeys::Rebuild(const Error& damage, std::stop_token stop) {
  PENSTOCK_RETURN_IF_ERROR(WithPatience(
      parts_.clock, stop,
      [&](const Error& error) { parts_.metrics.StoreFailed(options_.shard, error); },
      [&] { return store_.Reset(); }));
  parts_.metrics.StoreDamaged(options_.shard, damage);
  return Open(false, std::move(stop));
}

}  // namespace penstock::transform
