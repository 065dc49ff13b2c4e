#include "protocol/dead_letter_codec.h"

#include <gtest/gtest.h>

namespace penstock::protocol {
namespace {

DeadLetter Letter() {
  DeadLetter letter;
  letter.component = "ingestor";
  letter.reason = DeadLetterReason::kSchemaMismatch;
  letter.error = "field 'x' is missing in the message";
  letter.original_message = "{\"a\":\"\t\"}";
  letter.origin = {"users", "events", 3, 1, 1};
  letter.offset = Offset(42);
  letter.timestamp_ms = 1'700'000'000'123;
  letter.time_ms = 1'700'000'001'000;
  return letter;
}

TEST(DeadLetterCodecTest, HasTheReferencesMembersAndTheCoordinates) {
  std::string line;
  AppendDeadLetterLine(line, Letter(), "orders");
  EXPECT_EQ(line,
            "{\"component\":\"ingestor\",\"error\":\"field 'x' is missing in the message\","
            "\"original_message\":\"{\\\"a\\\":\\\"\\t\\\"}\",\"pipeline_id\":\"orders\","
            "\"stage\":\"ingestor\",\"reason\":\"schema_mismatch\",\"source_id\":\"users\","
            "\"topic\":\"events\",\"partition\":3,\"offset\":42,"
            "\"timestamp\":\"2023-11-14T22:13:20.123Z\",\"key\":\"\","
            "\"time\":\"2023-11-14T22:13:21.000Z\"}\n");
}

TEST(DeadLetterCodecTest, BytesThatAreNotTextGoAsBase64) {
  DeadLetter letter = Letter();
  letter.original_message = "\xff\xfe";
  letter.key = "\x80";
  std::string line;
  AppendDeadLetterLine(line, letter, "orders");
  EXPECT_NE(line.find("\"original_message\":\"//4=\",\"encoding\":\"base64\""), std::string::npos);
  EXPECT_NE(line.find("\"key\":\"gA==\",\"key_encoding\":\"base64\""), std::string::npos);
}

}  // namespace
}  // namespace penstock::protocol
