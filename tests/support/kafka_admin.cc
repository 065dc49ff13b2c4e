#include "support/kafka_admin.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <stdexcept>
#include <thread>

#include <librdkafka/rdkafka.h>

#include "base/clock.h"
#include "base/format.h"
#include "base/handle.h"

namespace penstock::testing {
namespace {

constexpr int kPatienceMs = 30'000;

using ClientHandle = Handle<rd_kafka_t, rd_kafka_destroy>;
using ConfHandle = Handle<rd_kafka_conf_t, rd_kafka_conf_destroy>;
using QueueHandle = Handle<rd_kafka_queue_t, rd_kafka_queue_destroy>;
using EventHandle = Handle<rd_kafka_event_t, rd_kafka_event_destroy>;
using ErrorHandle = Handle<rd_kafka_error_t, rd_kafka_error_destroy>;
using OptionsHandle = Handle<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy>;
using ListHandle = Handle<rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy>;

[[noreturn]] void Fail(std::string_view what, std::string_view why) {
  throw std::runtime_error(fmt::format("Kafka: {}: {}", what, why));
}
void Expect(rd_kafka_resp_err_t code, std::string_view what) {
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) Fail(what, rd_kafka_err2str(code));
}
void Expect(rd_kafka_error_t* raw, std::string_view what) {
  const ErrorHandle failed(raw);
  if (failed != nullptr) Fail(what, rd_kafka_error_string(failed.get()));
}

ClientHandle MakeClient(rd_kafka_type_t type, const std::map<std::string, std::string>& settings,
                        const std::function<void(rd_kafka_conf_t*)>& more = {}) {
  ConfHandle conf(rd_kafka_conf_new());
  std::array<char, 512> why{};
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), why.data(), why.size()) !=
        RD_KAFKA_CONF_OK) {
      Fail(name, why.data());
    }
  }
  rd_kafka_conf_set_log_cb(conf.get(), nullptr);
  if (more) more(conf.get());
  rd_kafka_t* client = rd_kafka_new(type, conf.get(), why.data(), why.size());
  if (client == nullptr) Fail("client", why.data());
  conf.release();  // NOLINT(bugprone-unused-return-value): the client owns it now.
  return ClientHandle(client);
}

/// Asks until it is so. The only wait here is for another server, which tells nobody.
void WaitUntilSo(std::string_view what, const std::function<bool()>& is_so) {
  const Clock& clock = SystemClock();
  const Clock::Time deadline = clock.Now() + std::chrono::milliseconds(kPatienceMs);
  while (!is_so()) {
    if (clock.Now() > deadline) Fail(what, "not within 30 s");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

/// librdkafka copies what is there; nothing means null.
void SetMemory(rd_kafka_vu_t& argument, const std::optional<std::string>& text) {
  argument.u.mem.ptr = text ? const_cast<char*>(text->data()) : nullptr;
  argument.u.mem.size = text ? text->size() : 0;
}

std::map<std::string, std::string> With(std::map<std::string, std::string> settings,
                                        const std::string& name, const std::string& value) {
  settings.emplace(name, value);
  return settings;
}

}  // namespace

struct KafkaProducer::Parts {
  ClientHandle client;
  std::string failure;  ///< Of the first record that was not delivered.
  bool transactions_ready = false;
};

KafkaProducer::KafkaProducer(const std::string& brokers,
                             const std::map<std::string, std::string>& settings)
    : parts_(std::make_unique<Parts>()) {
  auto all = With(With(settings, "bootstrap.servers", brokers), "linger.ms", "5");
  // Records stay in the order in which they were sent, whatever is tried again.
  all.emplace("enable.idempotence", "true");
  parts_->client = MakeClient(RD_KAFKA_PRODUCER, all, [this](rd_kafka_conf_t* conf) {
    rd_kafka_conf_set_opaque(conf, parts_.get());
    rd_kafka_conf_set_dr_msg_cb(
        conf, [](rd_kafka_t*, const rd_kafka_message_t* message, void* parts) {
          auto& failure = static_cast<Parts*>(parts)->failure;
          if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && failure.empty()) {
            failure = rd_kafka_message_errstr(message);
          }
        });
  });
}

KafkaProducer::~KafkaProducer() = default;

void KafkaProducer::Send(const std::string& topic, std::int32_t partition,
                         const ProducedRecord& record) {
  rd_kafka_headers_t* headers = rd_kafka_headers_new(record.headers.size());
  for (const auto& [name, value] : record.headers) {
    rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value.data(),
                        static_cast<ssize_t>(value.size()));
  }
  std::array<rd_kafka_vu_t, 7> arguments{};
  arguments[0].vtype = RD_KAFKA_VTYPE_TOPIC;
  arguments[0].u.cstr = topic.c_str();
  arguments[1].vtype = RD_KAFKA_VTYPE_PARTITION;
  arguments[1].u.i32 = partition;
  arguments[2].vtype = RD_KAFKA_VTYPE_VALUE;
  SetMemory(arguments[2], record.value);
  arguments[3].vtype = RD_KAFKA_VTYPE_KEY;
  SetMemory(arguments[3], record.key);
  arguments[4].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
  arguments[4].u.i64 = record.timestamp_ms;
  arguments[5].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  arguments[5].u.i = RD_KAFKA_MSG_F_COPY;
  arguments[6].vtype = RD_KAFKA_VTYPE_HEADERS;
  arguments[6].u.headers = headers;
  while (true) {
    const ErrorHandle failed(
        rd_kafka_produceva(parts_->client.get(), arguments.data(), arguments.size()));
    if (failed == nullptr) break;
    if (rd_kafka_error_code(failed.get()) != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      rd_kafka_headers_destroy(headers);
      Fail("produce", rd_kafka_error_string(failed.get()));
    }
    rd_kafka_poll(parts_->client.get(), 100);
  }
  rd_kafka_poll(parts_->client.get(), 0);
}

void KafkaProducer::Flush() {
  Expect(rd_kafka_flush(parts_->client.get(), kPatienceMs), "flush");
  if (!parts_->failure.empty()) Fail("produce", parts_->failure);
}

void KafkaProducer::BeginTransaction() {
  if (!parts_->transactions_ready) {
    Expect(rd_kafka_init_transactions(parts_->client.get(), kPatienceMs), "init_transactions");
    parts_->transactions_ready = true;
  }
  Expect(rd_kafka_begin_transaction(parts_->client.get()), "begin_transaction");
}
void KafkaProducer::CommitTransaction() {
  Expect(rd_kafka_commit_transaction(parts_->client.get(), kPatienceMs), "commit_transaction");
}
void KafkaProducer::AbortTransaction() {
  Flush();  // Records that never left would leave no trace; the trace is what tests want.
  Expect(rd_kafka_abort_transaction(parts_->client.get(), kPatienceMs), "abort_transaction");
}

struct KafkaAdmin::Parts {
  std::string brokers;
  ClientHandle client;
  std::unique_ptr<KafkaProducer> producer;

  /// Sends a request of the admin API and gives the answer, which is not an error as a whole.
  EventHandle Ask(rd_kafka_admin_op_t operation, std::string_view what,
                  const std::function<void(rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)>& send) {
    const OptionsHandle options(rd_kafka_AdminOptions_new(client.get(), operation));
    std::array<char, 256> why{};
    Expect(rd_kafka_AdminOptions_set_request_timeout(options.get(), kPatienceMs, why.data(),
                                                     why.size()),
           why.data());
    const QueueHandle queue(rd_kafka_queue_new(client.get()));
    send(options.get(), queue.get());
    EventHandle answer(rd_kafka_queue_poll(queue.get(), kPatienceMs + 1000));
    if (answer == nullptr) Fail(what, "no answer");
    if (rd_kafka_event_error(answer.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      Fail(what, rd_kafka_event_error_string(answer.get()));
    }
    return answer;
  }

  void ExpectTopicResults(const rd_kafka_topic_result_t** results, std::size_t count,
                          std::string_view what) {
    for (std::size_t i = 0; i < count; ++i) {
      if (rd_kafka_topic_result_error(results[i]) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        const char* text = rd_kafka_topic_result_error_string(results[i]);
        Fail(what,
             text != nullptr ? text : rd_kafka_err2str(rd_kafka_topic_result_error(results[i])));
      }
    }
  }

  /// -1: the brokers do not know the topic; 0: a partition has no leader yet.
  std::int32_t Partitions(const std::string& topic) {
    const Handle<rd_kafka_topic_t, rd_kafka_topic_destroy> handle(
        rd_kafka_topic_new(client.get(), topic.c_str(), nullptr));
    const rd_kafka_metadata_t* raw = nullptr;
    Expect(rd_kafka_metadata(client.get(), 0, handle.get(), &raw, kPatienceMs), "metadata");
    const Handle<const rd_kafka_metadata_t, rd_kafka_metadata_destroy> metadata(raw);
    const rd_kafka_metadata_topic& found = metadata->topics[0];
    if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) return -1;
    const bool all_led = std::all_of(
        found.partitions, found.partitions + found.partition_cnt,
        [](const rd_kafka_metadata_partition_t& partition) { return partition.leader >= 0; });
    return all_led ? found.partition_cnt : 0;
  }
};

KafkaAdmin::KafkaAdmin(const std::string& brokers) : parts_(std::make_unique<Parts>()) {
  parts_->brokers = brokers;
  parts_->client = MakeClient(RD_KAFKA_PRODUCER, {{"bootstrap.servers", brokers}});
}
KafkaAdmin::~KafkaAdmin() = default;

void KafkaAdmin::CreateTopic(const std::string& topic, std::int32_t partitions,
                             const std::map<std::string, std::string>& settings) {
  std::array<char, 256> why{};
  const Handle<rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy> wanted(
      rd_kafka_NewTopic_new(topic.c_str(), partitions, 1, why.data(), why.size()));
  if (wanted == nullptr) Fail("create topic", why.data());
  for (const auto& [name, value] : settings) {
    Expect(rd_kafka_NewTopic_set_config(wanted.get(), name.c_str(), value.c_str()), name);
  }
  const EventHandle answer =
      parts_->Ask(RD_KAFKA_ADMIN_OP_CREATETOPICS, "create topic",
                  [&](rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                    rd_kafka_NewTopic_t* topics = wanted.get();
                    rd_kafka_CreateTopics(parts_->client.get(), &topics, 1, options, queue);
                  });
  std::size_t count = 0;
  const rd_kafka_topic_result_t** results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(answer.get()), &count);
  parts_->ExpectTopicResults(results, count, "create topic");
  WaitUntilSo("new topic", [&] { return parts_->Partitions(topic) == partitions; });
}

void KafkaAdmin::DeleteTopic(const std::string& topic) {
  const Handle<rd_kafka_DeleteTopic_t, rd_kafka_DeleteTopic_destroy> unwanted(
      rd_kafka_DeleteTopic_new(topic.c_str()));
  const EventHandle answer =
      parts_->Ask(RD_KAFKA_ADMIN_OP_DELETETOPICS, "delete topic",
                  [&](rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                    rd_kafka_DeleteTopic_t* topics = unwanted.get();
                    rd_kafka_DeleteTopics(parts_->client.get(), &topics, 1, options, queue);
                  });
  std::size_t count = 0;
  const rd_kafka_topic_result_t** results =
      rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(answer.get()), &count);
  parts_->ExpectTopicResults(results, count, "delete topic");
  WaitUntilSo("deleted topic", [&] { return parts_->Partitions(topic) < 0; });
}

void KafkaAdmin::AddPartitions(const std::string& topic, std::int32_t to_partitions) {
  std::array<char, 256> why{};
  const Handle<rd_kafka_NewPartitions_t, rd_kafka_NewPartitions_destroy> wanted(
      rd_kafka_NewPartitions_new(topic.c_str(), static_cast<std::size_t>(to_partitions), why.data(),
                                 why.size()));
  if (wanted == nullptr) Fail("add partitions", why.data());
  const EventHandle answer =
      parts_->Ask(RD_KAFKA_ADMIN_OP_CREATEPARTITIONS, "add partitions",
                  [&](rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                    rd_kafka_NewPartitions_t* partitions = wanted.get();
                    rd_kafka_CreatePartitions(parts_->client.get(), &partitions, 1, options, queue);
                  });
  std::size_t count = 0;
  const rd_kafka_topic_result_t** results = rd_kafka_CreatePartitions_result_topics(
      rd_kafka_event_CreatePartitions_result(answer.get()), &count);
  parts_->ExpectTopicResults(results, count, "add partitions");
  WaitUntilSo("new partitions", [&] { return parts_->Partitions(topic) == to_partitions; });
}

void KafkaAdmin::DeleteRecords(const std::string& topic, std::int32_t partition, Offset before) {
  const ListHandle list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset = before.rep();
  const Handle<rd_kafka_DeleteRecords_t, rd_kafka_DeleteRecords_destroy> unwanted(
      rd_kafka_DeleteRecords_new(list.get()));
  const EventHandle answer =
      parts_->Ask(RD_KAFKA_ADMIN_OP_DELETERECORDS, "delete records",
                  [&](rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                    rd_kafka_DeleteRecords_t* records = unwanted.get();
                    rd_kafka_DeleteRecords(parts_->client.get(), &records, 1, options, queue);
                  });
  const rd_kafka_topic_partition_list_t* results =
      rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(answer.get()));
  Expect(results->elems[0].err, "delete records");
}

void KafkaAdmin::Produce(const std::string& topic, std::int32_t partition,
                         const std::vector<ProducedRecord>& records) {
  if (!parts_->producer) parts_->producer = std::make_unique<KafkaProducer>(parts_->brokers);
  for (const ProducedRecord& record : records) parts_->producer->Send(topic, partition, record);
  parts_->producer->Flush();
}

std::int32_t KafkaAdmin::PartitionCount(const std::string& topic) {
  const std::int32_t count = parts_->Partitions(topic);
  if (count <= 0) Fail(topic, "no such topic, or not ready");
  return count;
}

io::Watermarks KafkaAdmin::QueryWatermarks(const std::string& topic, std::int32_t partition) {
  std::int64_t low = 0;
  std::int64_t high = 0;
  Expect(rd_kafka_query_watermark_offsets(parts_->client.get(), topic.c_str(), partition, &low,
                                          &high, kPatienceMs),
         "watermarks");
  return {.low = Offset(low), .high = Offset(high)};
}

std::map<std::int32_t, io::CommittedOffset> KafkaAdmin::Committed(const std::string& group,
                                                                  const std::string& topic) {
  const ClientHandle reader =
      MakeClient(RD_KAFKA_CONSUMER, {{"bootstrap.servers", parts_->brokers}, {"group.id", group}});
  const std::int32_t partitions = PartitionCount(topic);
  const ListHandle list(rd_kafka_topic_partition_list_new(partitions));
  rd_kafka_topic_partition_list_add_range(list.get(), topic.c_str(), 0, partitions - 1);
  Expect(rd_kafka_committed(reader.get(), list.get(), kPatienceMs), "committed offsets");
  std::map<std::int32_t, io::CommittedOffset> committed;
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& element = list->elems[i];
    if (element.offset < 0) continue;
    committed[element.partition] = {
        .next = Offset(element.offset),
        .metadata =
            element.metadata == nullptr
                ? std::string()
                : std::string(static_cast<const char*>(element.metadata), element.metadata_size)};
  }
  return committed;
}

void KafkaAdmin::SetCommitted(const std::string& group, const std::string& topic,
                              const std::vector<io::OffsetToCommit>& offsets) {
  const ClientHandle writer =
      MakeClient(RD_KAFKA_CONSUMER, {{"bootstrap.servers", parts_->brokers}, {"group.id", group}});
  const ListHandle list(rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size())));
  for (const io::OffsetToCommit& offset : offsets) {
    rd_kafka_topic_partition_t* element =
        rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), offset.partition);
    element->offset = offset.next.rep();
    if (offset.metadata.empty()) continue;
    element->metadata = std::malloc(offset.metadata.size());
    std::memcpy(element->metadata, offset.metadata.data(), offset.metadata.size());
    element->metadata_size = offset.metadata.size();
  }
  Expect(rd_kafka_commit(writer.get(), list.get(), /*async=*/0), "commit by hand");
}

std::int64_t KafkaAdmin::Lag(const std::string& group, const std::string& topic) {
  const auto committed = Committed(group, topic);
  std::int64_t lag = 0;
  for (std::int32_t partition = PartitionCount(topic) - 1; partition >= 0; --partition) {
    const io::Watermarks marks = QueryWatermarks(topic, partition);
    const auto found = committed.find(partition);
    const Offset next = found == committed.end() ? marks.low : found->second.next;
    lag += std::max<std::int64_t>(marks.high.rep() - next.rep(), 0);
  }
  return lag;
}

std::string KafkaBrokers() {
  const char* brokers = std::getenv("PENSTOCK_KAFKA");
  if (brokers == nullptr) Fail("PENSTOCK_KAFKA", "the address of a broker is not set");
  return brokers;
}

std::string UniqueName(std::string_view stem) {
  std::random_device random;
  return fmt::format("{}-{:08x}", stem, random());
}

}  // namespace penstock::testing
