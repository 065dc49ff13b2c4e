#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "base/handle.h"

namespace penstock::testing {

/// librdkafka's own broker in this process: a topic, a group, and answers with errors on demand. It
/// keeps little of what a broker does; tests on a real one are in tests/integration/kafka.
class MockKafka {
 public:
  MockKafka() {
    std::array<char, 256> why{};
    client_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why.data(), why.size()));
    cluster_.reset(rd_kafka_mock_cluster_new(client_.get(), /*broker_cnt=*/1));
  }

  std::string brokers() const { return rd_kafka_mock_cluster_bootstraps(cluster_.get()); }
  void CreateTopic(const std::string& topic, int partitions) {
    rd_kafka_mock_topic_create(cluster_.get(), topic.c_str(), partitions, /*replicas=*/1);
  }
  /// The next requests of this kind (https://kafka.apache.org/protocol#protocol_api_keys) fail.
  void FailNext(std::int16_t api_key, rd_kafka_resp_err_t error, std::size_t times = 1) {
    const std::vector<rd_kafka_resp_err_t> errors(times, error);
    rd_kafka_mock_push_request_errors_array(cluster_.get(), api_key, errors.size(), errors.data());
  }
  void FailTopic(const std::string& topic, rd_kafka_resp_err_t error) {
    rd_kafka_mock_topic_set_error(cluster_.get(), topic.c_str(), error);
  }

 private:
  Handle<rd_kafka_t, rd_kafka_destroy> client_;
  Handle<rd_kafka_mock_cluster_t, rd_kafka_mock_cluster_destroy> cluster_;
};

}  // namespace penstock::testing
