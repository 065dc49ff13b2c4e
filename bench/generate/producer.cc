#include "generate/producer.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "base/format.h"

namespace penstock::events {

namespace {

using Configuration = Handle<rd_kafka_conf_t, rd_kafka_conf_destroy>;
using Event = Handle<rd_kafka_event_t, rd_kafka_event_destroy>;
using Refusal = Handle<rd_kafka_error_t, rd_kafka_error_destroy>;
using Queue = Handle<rd_kafka_queue_t, rd_kafka_queue_destroy>;
using NewTopic = Handle<rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy>;
using OldTopic = Handle<rd_kafka_DeleteTopic_t, rd_kafka_DeleteTopic_destroy>;

constexpr int kAnswerMs = 15'000;
constexpr int kServeMs = 100;

Error Failed(std::string detail) {
  return Error{Remedy::kStop, "kafka", std::move(detail)};
}

}  // namespace

void Producer::Delivered(rd_kafka_t*, const rd_kafka_message_t* message, void* producer) {
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  auto& self = *static_cast<Producer*>(producer);
  if (self.failed_++ == 0) self.failure_ = rd_kafka_err2str(message->err);
}

Result<std::unique_ptr<Producer>> Producer::Make(const std::string& brokers,
                                                 const std::string& topic,
                                                 const std::string& compression) {
  std::unique_ptr<Producer> producer(new Producer(topic));
  Configuration conf(rd_kafka_conf_new());
  std::array<char, 512> error{};
  const std::array<std::pair<const char*, std::string>, 8> settings{{
      {"bootstrap.servers", brokers},
      {"client.id", "penstock-generate"},
      {"enable.idempotence", "true"},
      {"acks", "all"},
      {"compression.type", compression},
      {"linger.ms", "20"},
      {"batch.size", "1000000"},
      {"queue.buffering.max.messages", "200000"},
  }};
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(conf.get(), name, value.c_str(), error.data(), error.size()) !=
        RD_KAFKA_CONF_OK) {
      return Failed(fmt::format("{}: {}", name, error.data()));
    }
  }
  rd_kafka_conf_set_opaque(conf.get(), producer.get());
  rd_kafka_conf_set_dr_msg_cb(conf.get(), Delivered);
  producer->client_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, conf.get(), error.data(), error.size()));
  if (producer->client_ == nullptr) return Failed(error.data());
  static_cast<void>(conf.release());  // The client owns it now.
  producer->handle_.reset(rd_kafka_topic_new(producer->client_.get(), topic.c_str(), nullptr));
  if (producer->handle_ == nullptr) return Failed(fmt::format("topic '{}' is refused", topic));
  return producer;
}

Status Producer::CreateTopic(std::int32_t partitions) {
  std::array<char, 512> error{};
  NewTopic topic(rd_kafka_NewTopic_new(topic_.c_str(), partitions, -1, error.data(), error.size()));
  if (topic == nullptr) return Failed(error.data());
  Queue queue(rd_kafka_queue_new(client_.get()));
  rd_kafka_NewTopic_t* topics[] = {topic.get()};
  rd_kafka_CreateTopics(client_.get(), topics, 1, nullptr, queue.get());
  const Event event(rd_kafka_queue_poll(queue.get(), kAnswerMs));
  if (event == nullptr) return Failed("no broker answers");
  if (rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return Failed(rd_kafka_event_error_string(event.get()));
  }
  std::size_t count = 0;
  const auto* const result = rd_kafka_event_CreateTopics_result(event.get());
  const auto* const* const answers = rd_kafka_CreateTopics_result_topics(result, &count);
  const auto code = rd_kafka_topic_result_error(answers[0]);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
    return Failed(fmt::format("cannot create topic '{}': {}", topic_, rd_kafka_err2str(code)));
  }
  PENSTOCK_ASSIGN_OR_RETURN(const std::int32_t found, PartitionsOf(true));
  if (found != partitions) {
    return Failed(fmt::format("topic '{}' exists with {} partitions instead of {}", topic_, found,
                              partitions));
  }
  return Done{};
}

Status Producer::DeleteTopic() {
  OldTopic topic(rd_kafka_DeleteTopic_new(topic_.c_str()));
  Queue queue(rd_kafka_queue_new(client_.get()));
  rd_kafka_DeleteTopic_t* topics[] = {topic.get()};
  rd_kafka_DeleteTopics(client_.get(), topics, 1, nullptr, queue.get());
  const Event event(rd_kafka_queue_poll(queue.get(), kAnswerMs));
  if (event == nullptr) return Failed("no broker answers");
  if (rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return Failed(rd_kafka_event_error_string(event.get()));
  }
  std::size_t count = 0;
  const auto* const result = rd_kafka_event_DeleteTopics_result(event.get());
  const auto* const* const answers = rd_kafka_DeleteTopics_result_topics(result, &count);
  const auto code = rd_kafka_topic_result_error(answers[0]);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
    return Done{};
  }
  return Failed(fmt::format("cannot delete topic '{}': {}", topic_, rd_kafka_err2str(code)));
}

Result<std::int32_t> Producer::Partitions() {
  return PartitionsOf(false);
}

Result<std::int32_t> Producer::PartitionsOf(bool made) {
  // The metadata of a new topic may lag behind its creation; the broker says so by an error code.
  const Clock& clock = SystemClock();
  const Clock::Time give_up = clock.Now() + std::chrono::milliseconds(kAnswerMs);
  while (true) {
    const rd_kafka_metadata_t* metadata = nullptr;
    const auto code = rd_kafka_metadata(client_.get(), 0, handle_.get(), &metadata, kAnswerMs);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return Failed(rd_kafka_err2str(code));
    const Handle<const rd_kafka_metadata_t, rd_kafka_metadata_destroy> owner(metadata);
    const rd_kafka_metadata_topic_t& topic = metadata->topics[0];
    if (topic.err == RD_KAFKA_RESP_ERR_NO_ERROR && topic.partition_cnt > 0) {
      return topic.partition_cnt;
    }
    const bool missing = topic.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART && !made;
    if (clock.Now() > give_up || missing) {
      return Failed(fmt::format("topic '{}': {}", topic_, rd_kafka_err2str(topic.err)));
    }
    PENSTOCK_RETURN_IF_ERROR(Serve(kServeMs));
  }
}

Status Producer::Produce(std::int32_t partition, std::string_view record,
                         std::int64_t timestamp_ms) {
  std::array<rd_kafka_vu_t, 5> arguments{};
  arguments[0].vtype = RD_KAFKA_VTYPE_RKT;
  arguments[0].u.rkt = handle_.get();
  arguments[1].vtype = RD_KAFKA_VTYPE_PARTITION;
  arguments[1].u.i32 = partition;
  arguments[2].vtype = RD_KAFKA_VTYPE_VALUE;
  arguments[2].u.mem = {const_cast<char*>(record.data()), record.size()};
  arguments[3].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
  arguments[3].u.i64 = timestamp_ms;
  arguments[4].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  arguments[4].u.i = RD_KAFKA_MSG_F_COPY;
  while (true) {
    const Refusal refused(rd_kafka_produceva(client_.get(), arguments.data(), arguments.size()));
    if (refused == nullptr) break;
    const auto code = rd_kafka_error_code(refused.get());
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) return Failed(rd_kafka_err2str(code));
    PENSTOCK_RETURN_IF_ERROR(Serve(kServeMs));
  }
  return Serve(0);
}

Status Producer::Serve(int wait_ms) {
  rd_kafka_poll(client_.get(), wait_ms);
  if (failed_ == 0) return Done{};
  return Failed(fmt::format("{} records were not delivered: {}", failed_, failure_));
}

Status Producer::ServeUntil(Clock::Time deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - SystemClock().Now());
    if (left.count() <= 0) return Done{};
    PENSTOCK_RETURN_IF_ERROR(
        Serve(static_cast<int>(std::min<std::int64_t>(left.count(), kServeMs))));
  }
}

Status Producer::Finish() {
  // Ends by itself: librdkafka gives a record up after message.timeout.ms, which is a failure.
  while (rd_kafka_outq_len(client_.get()) > 0) PENSTOCK_RETURN_IF_ERROR(Serve(kServeMs));
  return Serve(0);
}

}  // namespace penstock::events
