#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/kafka_admin.h"
#include "support/pipeline_harness.h"
#include "support/servers.h"

namespace penstock::testing {

/// Records `{"id":n}` with so many ids from `first` on.
std::vector<std::string> IdEvents(int first, int count);

/// A test of whole pipelines on the real servers: topics and pipelines that go with it, and the
/// services' logs when it fails.
class PipelineTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  std::string NewTopic(std::int32_t partitions);
  PipelineHarness& NewPipeline(const std::string& topic, std::vector<PipelineField> fields);
  /// Each value is a record of its own, in order.
  void Produce(const std::string& topic, std::int32_t partition,
               const std::vector<std::string>& values);

  const Servers& servers() const { return *servers_; }
  KafkaAdmin& kafka() { return *kafka_; }

 private:
  std::optional<Servers> servers_;
  std::unique_ptr<KafkaAdmin> kafka_;
  std::vector<std::string> topics_;
  std::vector<std::unique_ptr<PipelineHarness>> pipelines_;
};

}  // namespace penstock::testing
