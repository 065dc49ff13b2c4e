#include "kafka/group_consumer.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "kafka/bearer_token.h"
#include "kafka/client_config.h"
#include "kafka/kafka_errors.h"

namespace penstock::kafka {
namespace {

/// Enough to spread the cost of a poll thin, few enough to hand records on soon.
constexpr std::size_t kRecordsAPoll = 1024;

/// A question to a broker waits behind the fetches on the same connection, each of which may take
/// as long as a poll does: within a poll's own time it might never be answered.
constexpr auto kRestartLimit = std::chrono::seconds(2);

Error NotAssigned(const std::string& topic, std::int32_t partition) {
  return {Remedy::kRetry, "not_assigned",
          fmt::format("topic '{}' partition {} is not assigned to this member", topic, partition)};
}

std::string Joined(const std::vector<std::string>& brokers) {
  return fmt::format("{}", fmt::join(brokers, ","));
}

}  // namespace

GroupConsumer::GroupConsumer(SourceOptions options, const Clock& clock)
    : options_(std::move(options)), clock_(clock), troubles_(clock), messages_(kRecordsAPoll) {}

GroupConsumer::~GroupConsumer() {
  Close();
}

Result<std::unique_ptr<GroupConsumer>> GroupConsumer::Open(SourceOptions options,
                                                           const Clock& clock) {
  std::unique_ptr<GroupConsumer> consumer(new GroupConsumer(std::move(options), clock));
  PENSTOCK_RETURN_IF_ERROR(consumer->Connect());
  return consumer;
}

Status GroupConsumer::Connect() {
  PENSTOCK_ASSIGN_OR_RETURN(ClientConfig config,
                            MakeConfig(options_.connection, options_.group, options_.client_id));
  rd_kafka_conf_t* conf = config.handle.get();
  rd_kafka_conf_set_opaque(conf, this);
  rd_kafka_conf_set_rebalance_cb(conf, &GroupConsumer::OnRebalance);
  rd_kafka_conf_set_error_cb(conf, &GroupConsumer::OnError);
  rd_kafka_conf_set_log_cb(conf, &GroupConsumer::OnLog);
  if (UsesGivenToken(options_.connection)) {
    rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf, &GroupConsumer::OnTokenNeeded);
  }
  std::array<char, 512> why{};
  rd_kafka_t* created = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why.data(), why.size());
  if (created == nullptr) {
    return Error{Remedy::kStop, "kafka_config", fmt::format("connection_params: {}", why.data())};
  }
  config.handle.release();  // NOLINT(bugprone-unused-return-value): the client owns it now.
  client_ = std::make_shared<Client>(created, std::move(config.files));
  queries_.emplace(client(), options_.topic, options_.group, clock_);
  if (UsesGivenToken(options_.connection)) PENSTOCK_RETURN_IF_ERROR(SetToken());
  rd_kafka_set_log_queue(client(), nullptr);
  rd_kafka_poll_set_consumer(client());
  queue_.reset(rd_kafka_queue_get_consumer(client()));
  const PartitionList topics(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(topics.get(), options_.topic.c_str(), RD_KAFKA_PARTITION_UA);
  const rd_kafka_resp_err_t failed = rd_kafka_subscribe(client(), topics.get());
  if (failed == RD_KAFKA_RESP_ERR_NO_ERROR) return Done{};
  return Error{Remedy::kStop, "kafka_config",
               fmt::format("topic '{}': {}", options_.topic, rd_kafka_err2str(failed))};
}

std::vector<io::SourceEvent> GroupConsumer::Poll(Clock::Time deadline) {
  if (!closed_) {
    RestartStalled();
    Dispatch(TakeMessages(deadline));
    if (lasting_) Report(*lasting_);
  }
  return std::exchange(events_, {});
}

/// librdkafka waits until the whole batch is there, so the first message is waited for alone; its
/// callbacks end the wait when they have made an event.
std::size_t GroupConsumer::TakeMessages(Clock::Time deadline) {
  const auto take = [this](int timeout_ms, std::size_t from, std::size_t count) {
    const ssize_t taken =
        rd_kafka_consume_batch_queue(queue_.get(), timeout_ms, messages_.data() + from, count);
    return taken < 0 ? 0 : static_cast<std::size_t>(taken);
  };
  const bool events_wait = !events_.empty();
  const std::size_t first = take(events_wait ? 0 : MillisUntil(deadline, clock_), 0, 1);
  return first == 0 ? 0 : first + take(0, 1, messages_.size() - 1);
}

void GroupConsumer::Dispatch(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    rd_kafka_message_t* message = messages_[i];
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      Deliver(message);
    } else {
      OnConsumerError(*message);
      rd_kafka_message_destroy(message);
    }
  }
  std::fill(open_chunks_.begin(), open_chunks_.end(), nullptr);
}

void GroupConsumer::Deliver(rd_kafka_message_t* message) {
  const std::int32_t partition = message->partition;
  if (closing_ || !partitions_.Advance(partition, Offset(message->offset))) {
    rd_kafka_message_destroy(message);
    return;
  }
  const auto index = static_cast<std::size_t>(partition);
  if (index >= open_chunks_.size()) open_chunks_.resize(index + 1);
  if (open_chunks_[index] == nullptr) {
    auto chunk = std::make_unique<KafkaChunk>(client_, partition);
    open_chunks_[index] = chunk.get();
    events_.emplace_back(std::move(chunk));
  }
  open_chunks_[index]->Add(message);
}

void GroupConsumer::OnConsumerError(const rd_kafka_message_t& message) {
  const std::int32_t partition = message.partition;
  if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    ReachEnd(partition, Offset(message.offset));
    return;
  }
  if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
    if (partitions_[partition].state == State::kReading &&
        std::find(stalled_.begin(), stalled_.end(), partition) == stalled_.end()) {
      stalled_.push_back(partition);
    }
    return;
  }
  const bool has_partition = message.rkt != nullptr && partition >= 0;
  Error error = FromKafka(
      message.err,
      has_partition
          ? fmt::format("topic '{}' partition {}", options_.topic, partition)
          : fmt::format("topic '{}', consumer group '{}'", options_.topic, options_.group),
      rd_kafka_message_errstr(&message));
  // These are told once, however long they last.
  if (error.remedy == Remedy::kStop) lasting_ = error;
  Report(std::move(error));
}

void GroupConsumer::ReachEnd(std::int32_t partition, Offset next) {
  const PartitionTable::Entry& entry = partitions_[partition];
  if (entry.state != State::kReading || entry.paused || next < entry.next) return;
  partitions_.At(partition).next = next;
  // What follows belongs behind this event.
  const auto index = static_cast<std::size_t>(partition);
  if (index < open_chunks_.size()) open_chunks_[index] = nullptr;
  events_.emplace_back(io::ReachedEnd{.partition = partition, .next = next});
}

void GroupConsumer::Report(Error error) {
  if (!closing_ && troubles_.IsNews(error)) {
    events_.emplace_back(io::SourceTrouble{std::move(error)});
  }
}

Status GroupConsumer::SetToken() {
  return SetBearerToken(client(), options_.connection.password, options_.connection.username,
                        clock_);
}

/// Before it ends. There is no other than the one that we were given; once it has ended, this
/// says so.
void GroupConsumer::OnTokenNeeded(rd_kafka_t*, const char*, void* self) {
  auto& consumer = *static_cast<GroupConsumer*>(self);
  Status set = consumer.SetToken();
  if (!set.ok()) consumer.Report(std::move(set).error());
}

void GroupConsumer::OnError(rd_kafka_t* client, int code, const char* reason, void* self) {
  auto& consumer = *static_cast<GroupConsumer*>(self);
  const std::string what =
      fmt::format("Kafka brokers {}", Joined(consumer.options_.connection.brokers));
  auto error = static_cast<rd_kafka_resp_err_t>(code);
  // A connection that breaks while it authenticates, as when a broker restarts, is no refusal.
  if (error == RD_KAFKA_RESP_ERR__AUTHENTICATION &&
      std::string_view(reason).find("Local: ") != std::string_view::npos) {
    error = RD_KAFKA_RESP_ERR__TRANSPORT;
  }
  if (error == RD_KAFKA_RESP_ERR__FATAL) {
    std::array<char, 512> why{};
    rd_kafka_fatal_error(client, why.data(), why.size());
    consumer.Report(FromKafka(error, what, why.data()));
  } else {
    consumer.Report(FromKafka(error, what, reason));
  }
  rd_kafka_queue_yield(consumer.queue_.get());
}

void GroupConsumer::OnLog(const rd_kafka_t* client, int level, const char* facility,
                          const char* text) {
  const auto* consumer = static_cast<const GroupConsumer*>(rd_kafka_opaque(client));
  if (!consumer->options_.log) return;
  consumer->options_.log(level, fmt::format("librdkafka {}: {}", facility, text));
}

Status GroupConsumer::StartReading(std::span<const io::OffsetToCommit> from) {
  std::vector<io::OffsetToCommit> to_hold;
  std::vector<std::int32_t> to_seek;
  std::optional<std::int32_t> not_ours;
  for (const io::OffsetToCommit& start : from) {
    const State state = partitions_[start.partition].state;
    if (state == State::kAssigned) {
      to_hold.push_back(start);
    } else if (state == State::kReading) {
      partitions_.At(start.partition).next = start.next;
      // One that stalled is started again by the next Poll, at the new offset.
      to_seek.push_back(start.partition);
    } else {
      not_ours = start.partition;
    }
  }
  Seek(to_seek);
  if (!to_hold.empty()) PENSTOCK_RETURN_IF_ERROR(Hold(to_hold));
  if (not_ours) return NotAssigned(options_.topic, *not_ours);
  return Done{};
}

Status GroupConsumer::Pause(std::span<const std::int32_t> partitions) {
  std::vector<std::int32_t> running;
  for (const std::int32_t partition : partitions) {
    const PartitionTable::Entry& entry = partitions_[partition];
    if (entry.state == State::kReading && !entry.paused) running.push_back(partition);
  }
  if (running.empty()) return Done{};
  const PartitionList list = MakeList(options_.topic, running);
  const rd_kafka_resp_err_t failed = rd_kafka_pause_partitions(client(), list.get());
  if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) return FromKafka(failed, "pause");
  for (const std::int32_t partition : running) partitions_.At(partition).paused = true;
  return Done{};
}

Status GroupConsumer::Resume(std::span<const std::int32_t> partitions) {
  std::vector<std::int32_t> paused;
  for (const std::int32_t partition : partitions) {
    const PartitionTable::Entry& entry = partitions_[partition];
    if (entry.state == State::kReading && entry.paused) paused.push_back(partition);
  }
  if (paused.empty()) return Done{};
  for (const std::int32_t partition : paused) partitions_.At(partition).paused = false;
  // First the place, then the go-ahead: nothing can be fetched from elsewhere in between.
  Seek(paused);
  const PartitionList list = MakeList(options_.topic, paused);
  const rd_kafka_resp_err_t failed = rd_kafka_resume_partitions(client(), list.get());
  if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) return FromKafka(failed, "resume");
  return Done{};
}

/// What was fetched before is void from here on. A partition whose fetching has not begun yet
/// refuses; it begins where Hold said, which is the same place.
void GroupConsumer::Seek(const std::vector<std::int32_t>& partitions) {
  if (partitions.empty()) return;
  const PartitionList list = MakeList(options_.topic, partitions);
  for (rd_kafka_topic_partition_t& element : ElementsOf(*list)) {
    element.offset = partitions_[element.partition].next.rep();
  }
  const ErrorHandle failed(rd_kafka_seek_partitions(client(), list.get(), /*timeout_ms=*/0));
  if (failed != nullptr) {
    Report(
        FromKafka(rd_kafka_error_code(failed.get()), "seek", rd_kafka_error_string(failed.get())));
  }
}

/// librdkafka pauses all that is held during a rebalance and goes on where it thinks right.
void GroupConsumer::SeekAllAfterRebalance() {
  Seek(partitions_.Where([](const PartitionTable::Entry& entry) {
    return entry.held && entry.state == State::kReading && !entry.paused;
  }));
}

void GroupConsumer::RestartStalled() {
  // A call between a revocation and its end would end it too early.
  if (stalled_.empty() || to_give_up_ > 0) return;
  const Clock::Time deadline = clock_.Now() + kRestartLimit;
  std::erase_if(stalled_, [&](std::int32_t partition) {
    return partitions_[partition].state != State::kReading || RestartOne(partition, deadline);
  });
}

/// True: it reads again. The offset was deleted (go on at the first that exists), or exists after
/// all, or lies behind the end, which is not ours to decide about.
bool GroupConsumer::RestartOne(std::int32_t partition, Clock::Time deadline) {
  Result<io::Watermarks> marks = queries_->QueryWatermarks(partition, deadline);
  if (!marks.ok()) {
    Report(std::move(marks).error());
    return false;
  }
  Offset& next = partitions_.At(partition).next;
  const std::string where = fmt::format("topic '{}' partition {}", options_.topic, partition);
  if (next > marks.value().high) {
    Report(
        {Remedy::kStop, "offset_out_of_range",
         fmt::format("{}: the next offset to read is {}, but the partition ends at {}: the topic "
                     "was made anew or cut off; taking the partition again sorts it out",
                     where, next.rep(), marks.value().high.rep())});
    return false;
  }
  if (next < marks.value().low) {
    Report(
        {Remedy::kRetry, "records_deleted",
         fmt::format("{}: Kafka deleted the offsets {} to {} before they were read; going on at "
                     "{}; raise the topic's retention if these were needed",
                     where, next.rep(), Before(marks.value().low).rep(), marks.value().low.rep())});
    next = marks.value().low;
  }
  const io::OffsetToCommit start{.partition = partition, .next = next, .metadata = {}};
  Status let_go = LetGo({partition});
  Status held = let_go.ok() ? Hold(std::span(&start, 1)) : std::move(let_go);
  if (!held.ok()) Report(std::move(held).error());
  return true;
}

Result<std::vector<std::optional<io::CommittedOffset>>> GroupConsumer::Committed(
    std::span<const std::int32_t> partitions, Clock::Time deadline) {
  return queries_->Committed(partitions, deadline);
}

/// The broker checks the membership, not who has which partition: that check is ours. After a lost
/// membership librdkafka would commit as nobody, which a group without members lets pass.
Status GroupConsumer::Commit(std::span<const io::OffsetToCommit> offsets, Clock::Time deadline) {
  for (const io::OffsetToCommit& offset : offsets) {
    if (partitions_[offset.partition].state == State::kNotOurs) {
      return Error{Remedy::kRetry, "refused_commit",
                   fmt::format("topic '{}' partition {} is not ours any more", options_.topic,
                               offset.partition)};
    }
  }
  if (rd_kafka_assignment_lost(client()) != 0) {
    return FromKafka(RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST,
                     fmt::format("commit of offsets of group '{}'", options_.group));
  }
  if (offsets.empty()) return Done{};
  return queries_->Commit(offsets, deadline);
}

Result<io::Watermarks> GroupConsumer::QueryWatermarks(std::int32_t partition,
                                                      Clock::Time deadline) {
  return queries_->QueryWatermarks(partition, deadline);
}

Result<Offset> GroupConsumer::OffsetAtTime(std::int32_t partition, std::int64_t timestamp_ms,
                                           Clock::Time deadline) {
  return queries_->OffsetAtTime(partition, timestamp_ms, deadline);
}

Result<std::int32_t> GroupConsumer::PartitionCount(Clock::Time deadline) {
  return queries_->PartitionCount(deadline);
}

std::optional<Offset> GroupConsumer::KnownEnd(std::int32_t partition) {
  std::int64_t low = -1;
  std::int64_t high = -1;
  const rd_kafka_resp_err_t failed =
      rd_kafka_get_watermark_offsets(client(), options_.topic.c_str(), partition, &low, &high);
  if (failed != RD_KAFKA_RESP_ERR_NO_ERROR || high < 0) return std::nullopt;
  return Offset(high);
}

Result<std::unique_ptr<io::RecordSource>> OpenKafkaSource(SourceOptions options,
                                                          const Clock& clock) {
  PENSTOCK_ASSIGN_OR_RETURN(std::unique_ptr<io::RecordSource> source,
                            GroupConsumer::Open(std::move(options), clock));
  return source;
}

Status CheckConnection(const KafkaConnection& connection) {
  PENSTOCK_ASSIGN_OR_RETURN(const ClientConfig config, MakeConfig(connection, "check", "check"));
  return Done{};
}

}  // namespace penstock::kafka
