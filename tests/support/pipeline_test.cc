#include "support/pipeline_test.h"

#include <utility>

#include "base/format.h"

namespace penstock::testing {

std::vector<std::string> IdEvents(int first, int count) {
  std::vector<std::string> events;
  for (int id = first; id < first + count; ++id) {
    events.push_back(fmt::format(R"({{"id":{}}})", id));
  }
  return events;
}

void PipelineTest::SetUp() {
  if (!Servers::AreThere()) {
    GTEST_SKIP() << "no servers: eval \"$(deploy/local/stack env)\" tells where they are";
  }
  servers_ = Servers::FromEnvironment();
  kafka_ = std::make_unique<KafkaAdmin>(servers_->kafka);
}

void PipelineTest::TearDown() {
  if (HasFailure()) {
    for (const auto& pipeline : pipelines_) pipeline->PrintLogs();
  }
  pipelines_.clear();
  for (const std::string& topic : topics_) kafka_->DeleteTopic(topic);
}

std::string PipelineTest::NewTopic(std::int32_t partitions) {
  topics_.push_back(UniqueName("events"));
  kafka_->CreateTopic(topics_.back(), partitions);
  return topics_.back();
}

PipelineHarness& PipelineTest::NewPipeline(const std::string& topic,
                                           std::vector<PipelineField> fields) {
  pipelines_.push_back(std::make_unique<PipelineHarness>(*servers_, topic, std::move(fields)));
  return *pipelines_.back();
}

void PipelineTest::Produce(const std::string& topic, std::int32_t partition,
                           const std::vector<std::string>& values) {
  std::vector<ProducedRecord> records;
  for (const std::string& value : values) records.push_back({.value = value});
  kafka_->Produce(topic, partition, records);
}

}  // namespace penstock::testing
