#include "json/dead_letter_json.h"

#include <string>

#include <gtest/gtest.h>

namespace penstock::json {
namespace {

TEST(DeadLetterJsonTest, ReadsEveryMember) {
  const auto letter = ParseDeadLetter(
      R"({"component":"sink","error":"too \"long\"","original_message":"{\"a\":1}",)"
      R"("pipeline_id":"orders","stage":"sink","reason":"sink_rejection","column":"name",)"
      R"("code":131,"code_name":"TOO_LARGE_STRING_SIZE","source_id":"src","topic":"t",)"
      R"("partition":7,"generation":2,"incarnation":3,"offset":9007199254740993,)"
      R"("timestamp":"2024-03-15T10:22:31.123Z","key":"/wA=","key_encoding":"base64",)"
      R"("time":"1969-12-31T23:59:59.999Z","later":[1]})"
      "\n");
  ASSERT_TRUE(letter.ok()) << letter.error().detail;
  const DeadLetter& got = letter.value();
  EXPECT_EQ(got.component, "sink");
  EXPECT_EQ(got.error, "too \"long\"");
  EXPECT_EQ(got.original_message, "{\"a\":1}");
  EXPECT_EQ(got.reason, DeadLetterReason::kSinkRejection);
  EXPECT_EQ(got.column, "name");
  EXPECT_EQ(got.code, 131);
  EXPECT_EQ(got.code_name, "TOO_LARGE_STRING_SIZE");
  EXPECT_EQ(got.origin, (Origin{"src", "t", 7, 2, 3}));
  EXPECT_EQ(got.offset, Offset(9007199254740993));
  EXPECT_EQ(got.timestamp_ms, 1'710'498'151'123);
  EXPECT_EQ(got.key, std::string("\xFF\x00", 2));
  EXPECT_EQ(got.time_ms, -1);
}

TEST(DeadLetterJsonTest, WhatIsMissingStaysEmpty) {
  const auto letter = ParseDeadLetter(
      R"({"component":"ingestor","error":"e","original_message":"/w==","encoding":"base64",)"
      R"("reason":"parse_error"})");
  ASSERT_TRUE(letter.ok()) << letter.error().detail;
  EXPECT_EQ(letter.value().original_message, "\xFF");
  EXPECT_EQ(letter.value().origin, Origin{});
  EXPECT_EQ(letter.value().code, 0);
}

TEST(DeadLetterJsonTest, SaysWhatIsMalformed) {
  const struct {
    const char* line;
    const char* want;
  } cases[] = {
      {"", "empty"},
      {R"({"reason":"parse_error")", "does not end with"},
      {R"({"reason":"bad luck"})", "unknown reason 'bad luck'"},
      {R"({"reason":"parse_error","partition":"7"})", "expected number, got String"},
      {R"({"reason":"parse_error","partition":3000000000})", "partition: 3000000000 is out of"},
      {R"({"reason":"parse_error","time":"yesterday"})", "time: 'yesterday' is no time"},
      {R"({"reason":"parse_error","time":"2024-02-30T00:00:00.000Z"})", "is no date"},
      {R"({"reason":"parse_error","key":"x","key_encoding":"hex"})", "unknown encoding 'hex'"},
      {R"({"reason":"parse_error","key":"?","key_encoding":"base64"})", "base64"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.line);
    const auto letter = ParseDeadLetter(c.line);
    ASSERT_FALSE(letter.ok());
    EXPECT_EQ(letter.error().code, "dead_letter");
    EXPECT_NE(letter.error().detail.find(c.want), std::string::npos) << letter.error().detail;
  }
}

}  // namespace
}  // namespace penstock::json
