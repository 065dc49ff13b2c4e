#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jetstream/errors.h"
#include "jetstream/json_fields.h"
#include "jetstream/mailboxes.h"
#include "jetstream/streams.h"

namespace penstock::jetstream {
namespace {

TEST(JsonFields, ReadsAcknowledgementsWithAndWithoutBlanks) {
  for (const char* text : {R"({"stream":"C","seq":6,"duplicate":true})",
                           "{ \"stream\" : \"C\",\n \"seq\":\t6 , \"duplicate\": true }"}) {
    const auto fields = JsonFields::Parse(text);
    ASSERT_TRUE(fields.has_value()) << text;
    EXPECT_EQ(fields->Text("stream"), "C");
    EXPECT_EQ(fields->Unsigned("seq"), 6U);
    EXPECT_TRUE(fields->True("duplicate"));
  }
}

TEST(JsonFields, PathsListsEscapesAndAbsentThings) {
  const auto fields = JsonFields::Parse(
      R"({"a":{"b":[1,{"c":"x\"\\\/\n\u00e4\ud83d\ude00"},[]],"n":null},"s":["p","q"],"e":{},)"
      R"("m":-1,"f":1.5,"big":18446744073709551615})");
  ASSERT_TRUE(fields.has_value());
  EXPECT_EQ(fields->Text("a.b.0"), "1");
  EXPECT_EQ(fields->Text("a.b.1.c"), "x\"\\/\n\xc3\xa4\xf0\x9f\x98\x80");
  EXPECT_FALSE(fields->Find("a.n").has_value());
  EXPECT_EQ(fields->List("s"), (std::vector<std::string>{"p", "q"}));
  EXPECT_EQ(fields->Unsigned("m"), 0U);
  EXPECT_EQ(fields->Unsigned("f"), 0U);
  EXPECT_EQ(fields->Unsigned("big"), ~std::uint64_t{0});
}

TEST(JsonFields, RefusesWhatIsNotOneObject) {
  for (const char* text : {"", "[]", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1", "{\"a\":\"b}", "{} x",
                           "{\"a\":\"\\u12\"}", "{\"a\":\"\\q\"}", "x"}) {
    EXPECT_FALSE(JsonFields::Parse(text).has_value()) << text;
  }
  std::string deep;
  for (int i = 0; i < 10'000; ++i) deep += "{\"a\":";
  EXPECT_FALSE(JsonFields::Parse(deep).has_value());
}

TEST(ParseDelivery, BothFormsOfTheReplySubject) {
  const auto plain = ParseDelivery("$JS.ACK.STREAM.cons.1.77.5.1700000000000000000.3");
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->stream_and_consumer, "STREAM.cons");
  EXPECT_EQ(plain->stream_seq, 77U);
  EXPECT_EQ(plain->consumer_seq, 5U);
  const auto domain = ParseDelivery("$JS.ACK.hub.ACCOUNT.STREAM.cons.1.77.5.1700000000.3.token");
  ASSERT_TRUE(domain.has_value());
  EXPECT_EQ(domain->stream_and_consumer, "STREAM.cons");
  EXPECT_EQ(domain->stream_seq, 77U);
  EXPECT_FALSE(ParseDelivery("_INBOX.x.p1.2").has_value());
  EXPECT_FALSE(ParseDelivery("$JS.ACK.STREAM.cons").has_value());
}

TEST(ParseTimeNs, KeepsNanoseconds) {
  EXPECT_EQ(ParseTimeNs("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(ParseTimeNs("2024-03-15T10:22:31.123456789Z"), 1710498151123456789);
  EXPECT_EQ(ParseTimeNs("2024-03-15T10:22:31.5Z"), 1710498151500000000);
  EXPECT_EQ(ParseTimeNs("yesterday"), 0);
}

TEST(Errors, ApiErrorsHaveTheClosedCodes) {
  const auto code = [](int err_code, int status) {
    const auto answer = JsonFields::Parse(fmt::format(
        R"({{"error":{{"code":{},"err_code":{},"description":"why"}}}})", status, err_code));
    const Error error = FromApi(*answer, "publish to s");
    EXPECT_THAT(error.detail, ::testing::HasSubstr("why"));
    return std::string(error.code);
  };
  EXPECT_EQ(code(10077, 503), "full");
  EXPECT_EQ(code(10047, 500), "full");
  EXPECT_EQ(code(10071, 400), "sequence");
  EXPECT_EQ(code(10059, 404), "not_found");
  EXPECT_EQ(code(10037, 404), "not_found");
  EXPECT_EQ(code(10054, 400), "too_large");
  EXPECT_EQ(code(10008, 503), "unavailable");
  EXPECT_EQ(code(10052, 400), "refused");
}

}  // namespace
}  // namespace penstock::jetstream
