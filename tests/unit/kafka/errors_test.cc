#include <gtest/gtest.h>

#include "kafka/kafka_errors.h"

namespace penstock::kafka {
namespace {

// The group hands out a partition that was just added; a broker that is asked for its offsets may
// not know it yet. The ingestor must not end of that.
TEST(KafkaErrorsTest, APartitionThatIsNotKnownYetIsAskedForAgain) {
  const Error error = FromKafka(RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, "offsets of topic 'a'");
  EXPECT_EQ(error.remedy, Remedy::kRetry);
  EXPECT_EQ(error.code, "unknown_partition");
}

TEST(KafkaErrorsTest, ATopicThatIsNotThereNeedsSomebody) {
  const Error error = FromKafka(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "partitions of topic 'a'");
  EXPECT_EQ(error.remedy, Remedy::kStop);
  EXPECT_EQ(error.code, "unknown_topic");
}

}  // namespace
}  // namespace penstock::kafka
