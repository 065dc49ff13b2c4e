#include "kafka/record_fetcher.h"

#include <array>
#include <optional>
#include <utility>

#include "kafka/bearer_token.h"
#include "kafka/client.h"
#include "kafka/client_config.h"
#include "kafka/kafka_errors.h"
#include "kafka/queries.h"
#include "kafka/rdkafka_handles.h"
#include "kafka/record_chunk.h"

namespace penstock::kafka {
namespace {

/// librdkafka wants a name of a group for any consumer. Nobody joins it, nothing is stored in it.
constexpr const char* kNoGroup = "penstock-fetch";

class Fetcher final : public io::RecordFetcher {
 public:
  Fetcher(std::shared_ptr<Client> client, std::string topic, const Clock& clock)
      : client_(std::move(client)),
        topic_(std::move(topic)),
        clock_(clock),
        queries_(client_->get(), topic_, kNoGroup, clock) {}
  ~Fetcher() override { rd_kafka_consumer_close(client_->get()); }

  Result<std::unique_ptr<io::RecordChunk>> Fetch(std::int32_t partition, Offset offset,
                                                 Clock::Time deadline) override {
    PENSTOCK_RETURN_IF_ERROR(Start(partition, offset));
    auto fetched = WaitFor(partition, offset, deadline);
    rd_kafka_assign(client_->get(), nullptr);
    return fetched;
  }

  Result<std::int32_t> PartitionCount(Clock::Time deadline) override {
    return queries_.PartitionCount(deadline);
  }
  Result<io::Watermarks> QueryWatermarks(std::int32_t partition, Clock::Time deadline) override {
    return queries_.QueryWatermarks(partition, deadline);
  }

 private:
  Status Start(std::int32_t partition, Offset offset) {
    const PartitionList list = MakeList(topic_, std::span(&partition, 1));
    list->elems[0].offset = offset.rep();
    const rd_kafka_resp_err_t failed = rd_kafka_assign(client_->get(), list.get());
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) return FromKafka(failed, Where(partition, offset));
    return Done{};
  }

  Result<std::unique_ptr<io::RecordChunk>> WaitFor(std::int32_t partition, Offset offset,
                                                   Clock::Time deadline) {
    std::optional<Error> last;
    do {
      rd_kafka_message_t* message =
          rd_kafka_consumer_poll(client_->get(), MillisUntil(deadline, clock_));
      if (message == nullptr) continue;
      // Of an earlier call's assignment.
      const bool other = message->rkt != nullptr && message->partition != partition;
      const rd_kafka_resp_err_t error = message->err;
      if (error == RD_KAFKA_RESP_ERR_NO_ERROR && !other) return Take(message, partition, offset);
      if (!other)
        last = FromKafka(error, Where(partition, offset), rd_kafka_message_errstr(message));
      rd_kafka_message_destroy(message);
      if (other) continue;
      if (error == RD_KAFKA_RESP_ERR__PARTITION_EOF ||
          error == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        return std::unique_ptr<io::RecordChunk>();
      }
      if (last->remedy == Remedy::kStop) return *std::move(last);
    } while (clock_.Now() < deadline);
    if (last) return *std::move(last);
    return FromKafka(RD_KAFKA_RESP_ERR__TIMED_OUT, Where(partition, offset), "no answer in time");
  }

  // Where a record is missing, Kafka gives the next one.
  Result<std::unique_ptr<io::RecordChunk>> Take(rd_kafka_message_t* message, std::int32_t partition,
                                                Offset offset) {
    auto chunk = std::make_unique<KafkaChunk>(client_, partition);
    const bool is_it = message->offset == offset.rep();
    chunk->Add(message);
    if (!is_it) chunk.reset();
    return std::unique_ptr<io::RecordChunk>(std::move(chunk));
  }

  std::string Where(std::int32_t partition, Offset offset) const {
    return fmt::format("topic '{}' partition {} offset {}", topic_, partition, offset.rep());
  }

  const std::shared_ptr<Client> client_;
  const std::string topic_;
  const Clock& clock_;
  Queries queries_;
};

}  // namespace

Result<std::unique_ptr<io::RecordFetcher>> OpenRecordFetcher(const KafkaConnection& connection,
                                                             const std::string& topic,
                                                             const Clock& clock) {
  PENSTOCK_ASSIGN_OR_RETURN(ClientConfig config,
                            MakeConfig(connection, kNoGroup, "penstock-fetch"));
  // One record is all that is wanted: nothing is gained by waiting for more.
  rd_kafka_conf_set(config.handle.get(), "fetch.min.bytes", "1", nullptr, 0);
  rd_kafka_conf_set_log_cb(config.handle.get(),
                           [](const rd_kafka_t*, int, const char*, const char*) {});
  std::array<char, 512> why{};
  rd_kafka_t* created =
      rd_kafka_new(RD_KAFKA_CONSUMER, config.handle.get(), why.data(), why.size());
  if (created == nullptr) {
    return Error{Remedy::kStop, "kafka_config", fmt::format("connection_params: {}", why.data())};
  }
  config.handle.release();  // NOLINT(bugprone-unused-return-value): the client owns it now.
  auto client = std::make_shared<Client>(created, std::move(config.files));
  if (UsesGivenToken(connection)) {
    PENSTOCK_RETURN_IF_ERROR(
        SetBearerToken(created, connection.password, connection.username, clock));
  }
  rd_kafka_set_log_queue(created, nullptr);
  rd_kafka_poll_set_consumer(created);
  return std::unique_ptr<io::RecordFetcher>(
      std::make_unique<Fetcher>(std::move(client), topic, clock));
}

}  // namespace penstock::kafka
