#include "kafka/record_fetcher.h"

#include <chrono>
#include <optional>
#include <utility>

#include "kafka/kafka_errors.h"
#include "kafka/outside_client.h"
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
  Result<Offset> OffsetAtTime(std::int32_t partition, std::int64_t timestamp_ms,
                              Clock::Time deadline) override {
    return queries_.OffsetAtTime(partition, timestamp_ms, deadline);
  }

  Status Scan(const io::OffsetRange& range, Clock::Duration patience, std::stop_token stop,
              const std::function<void(Offset)>& on_record) override {
    Offset next = range.from;
    while (next < range.to) {
      PENSTOCK_RETURN_IF_ERROR(Start(range.partition, next));
      const auto scanned = ScanFrom(next, range, patience, stop, on_record);
      rd_kafka_assign(client_->get(), nullptr);
      PENSTOCK_RETURN_IF_ERROR(scanned);
      if (scanned.value() == Scanned::kToTheEnd) break;
      // Kafka has deleted records meanwhile: they are not there any more.
      PENSTOCK_ASSIGN_OR_RETURN(const io::Watermarks marks,
                                QueryWatermarks(range.partition, clock_.Now() + patience));
      if (marks.low <= next) break;
      next = marks.low;
    }
    return Done{};
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

  enum class Scanned : std::uint8_t { kToTheEnd, kOffsetGone };

  // Moves `next` behind the records that it tells.
  Result<Scanned> ScanFrom(Offset& next, const io::OffsetRange& range, Clock::Duration patience,
                           const std::stop_token& stop,
                           const std::function<void(Offset)>& on_record) {
    constexpr int kPollMs = 200;  // How soon a stop is seen.
    Clock::Time deadline = clock_.Now() + patience;
    while (clock_.Now() < deadline) {
      if (stop.stop_requested()) return Error{Remedy::kStop, "stopped", "stopped"};
      const MessageHandle message(rd_kafka_consumer_poll(client_->get(), kPollMs));
      if (message == nullptr) continue;
      if (message->rkt != nullptr && message->partition != range.partition) continue;
      if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) return Scanned::kToTheEnd;
      if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) return Scanned::kOffsetGone;
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        Error error = FromKafka(message->err, Where(range.partition, next),
                                rd_kafka_message_errstr(message.get()));
        if (error.remedy == Remedy::kStop) return error;
        continue;
      }
      const Offset offset(message->offset);
      if (offset >= range.to) return Scanned::kToTheEnd;
      if (offset < next) continue;
      on_record(offset);
      next = Next(offset);
      if (next >= range.to) return Scanned::kToTheEnd;
      deadline = clock_.Now() + patience;
    }
    return FromKafka(RD_KAFKA_RESP_ERR__TIMED_OUT, Where(range.partition, next),
                     "no record in time");
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
  PENSTOCK_ASSIGN_OR_RETURN(auto client,
                            OpenOutsideClient(connection, kNoGroup, "penstock-fetch", clock));
  return std::unique_ptr<io::RecordFetcher>(
      std::make_unique<Fetcher>(std::move(client), topic, clock));
}

}  // namespace penstock::kafka
