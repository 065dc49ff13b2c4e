#include "kafka/kafka_source.h"
#include "support/kafka_admin.h"
#include "support/record_source_conformance.h"

namespace penstock::testing {
namespace {

class KafkaWorld final : public RecordSourceWorld {
 public:
  KafkaWorld() : admin_(KafkaBrokers()), topic_(UniqueName("conformance")), group_(topic_) {
    admin_.CreateTopic(topic_, kPartitions);
  }
  ~KafkaWorld() override { admin_.DeleteTopic(topic_); }

  std::unique_ptr<io::RecordSource> Join() override {
    kafka::SourceOptions options;
    options.connection.brokers = {KafkaBrokers()};
    options.topic = topic_;
    options.group = group_;
    options.client_id = fmt::format("member-{}", ++members_);
    auto source = kafka::OpenKafkaSource(std::move(options));
    if (!source.ok()) throw std::runtime_error(source.error().detail);
    return std::move(source).value();
  }
  void Append(std::int32_t partition, const std::vector<FakeRecord>& records) override {
    std::vector<ProducedRecord> produced;
    for (const FakeRecord& record : records) {
      produced.push_back({.key = record.key,
                          .value = record.has_value ? std::optional(record.value) : std::nullopt,
                          .timestamp_ms = record.timestamp_ms});
    }
    admin_.Produce(topic_, partition, produced);
  }
  void AppendGap(std::int32_t partition) override {
    KafkaProducer producer(KafkaBrokers(), {{"transactional.id", UniqueName("transaction")}});
    producer.BeginTransaction();
    producer.Send(topic_, partition, {.key = "aborted", .value = "never seen"});
    producer.AbortTransaction();
  }
  void DeleteBefore(std::int32_t partition, Offset offset) override {
    admin_.DeleteRecords(topic_, partition, offset);
  }
  io::Watermarks Marks(std::int32_t partition) override {
    return admin_.QueryWatermarks(topic_, partition);
  }
  std::optional<io::CommittedOffset> Committed(std::int32_t partition) override {
    const auto committed = admin_.Committed(group_, topic_);
    const auto found = committed.find(partition);
    return found == committed.end() ? std::nullopt : std::optional(found->second);
  }
  std::chrono::milliseconds Quiet() const override { return std::chrono::milliseconds(700); }

 private:
  KafkaAdmin admin_;
  std::string topic_;
  std::string group_;
  int members_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Real, RecordSourceConformance,
                         ::testing::Values([]() -> std::unique_ptr<RecordSourceWorld> {
                           return std::make_unique<KafkaWorld>();
                         }));

}  // namespace
}  // namespace penstock::testing
