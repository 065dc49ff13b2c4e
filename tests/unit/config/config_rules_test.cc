#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/column_type.h"
#include "config/nearest.h"
#include "config/pipeline.h"
#include "config/quantity.h"
#include "config/time_text.h"
#include "unit/config/documents.h"

namespace penstock::config {
namespace {

using ::testing::HasSubstr;

// What a user may get wrong beyond the vectors: a change of the minimal document, and the fault.
TEST(RulesTest, EachRuleSaysWhereAndWhatWouldBeRight) {
  const struct {
    const char* from;
    const char* to;
    const char* path;
    const char* message;  ///< Empty: no fault.
  } cases[] = {
      {"topic: shop.orders", "topic: shop orders", "sources[0].topic", "letters, digits"},
      {"topic: shop.orders", "topic: 2024", "sources[0].topic", "put it in quotes"},
      {"type: int}", "type: int, default: x}", "sources[0].schema_fields[2].default",
       "whole number"},
      {"type: int}", "type: int8, default: 200}", "sources[0].schema_fields[2].default", "range"},
      {"type: int}", "type: uint, default: -1}", "sources[0].schema_fields[2].default", "at 0"},
      {"type: int}", "type: int, default: -1}", "", ""},
      {"type: float}", "type: float, default: 1}", "", ""},
      {"type: array}", "type: array, default: [1]}", "", ""},
      {"type: array}", "type: array, default: {}}", "sources[0].schema_fields[3].default",
       "a list"},
      {"name: cents", "name: amount", "sources[0].schema_fields[2].name", "unique"},
      {"mechanism: NO_AUTH", "mechanism: NO_AUTH\n      client_cert: \"-----BEGIN X\"",
       "sources[0].connection_params.client_cert", "needs client_key"},
      {"mechanism: NO_AUTH", "mechanism: NO_AUTH\n      root_ca: /etc/ca.pem",
       "sources[0].connection_params.root_ca", "${file:/path}"},
      {"mechanism: NO_AUTH", "mechanism: NO_AUTH\n      root_ca: LS0tLS1CRUdJTiBYLS0tLS0=", "", ""},
      {"host: clickhouse", "host: http://clickhouse", "sink.connection_params.host", "http://"},
      {"host: clickhouse", "host: clickhouse\n    hosts: [a]", "sink.connection_params.hosts",
       "either"},
      {"host: clickhouse\n", "secure: true\n", "sink.connection_params.host", "required"},
      {"host: clickhouse", "host: clickhouse\n    http_port: 70000",
       "sink.connection_params.http_port", "65535"},
      {"host: clickhouse", "host: clickhouse\n    http_port: 8124", "", ""},
      {"table: orders", "table: orders\n  settings: {async_insert: 1}",
       "sink.settings.async_insert", "arrives once"},
      {"table: orders", "table: orders\n  errors: {x: retry}", "sink.errors.x", "error code"},
      {"table: orders", "table: orders\n  errors: {41: drop}", "sink.errors.41", "dead_letter"},
      {"table: orders", "table: orders\n  max_batch_bytes: 1GiB", "sink.max_batch_bytes", "256MiB"},
      {"table: orders", "table: orders\n  max_delay_time: -1s", "sink.max_delay_time", "negative"},
      {"table: orders", "table: orders\n  max_delay_time: 0s", "", ""},
      {"table: orders", "table: orders\n  max_batch_size: 1.5", "sink.max_batch_size",
       "whole number"},
      {"table: orders", "table: orders\n  max_batch_size: 99999999999999999999",
       "sink.max_batch_size", "1 or more"},
      {"table: orders", "table: orders\n  mapping: [{name: _key, column_name: k}]", "", ""},
      {"table: orders", "table: orders\n  mapping: [{name: _keys, column_name: k}]",
       "sink.mapping[0].name", "did you mean \"_key\"?"},
      {"table: orders",
       "table: orders\n  mapping: [{name: id, column_name: k}, {name: cents, column_name: k}]",
       "sink.mapping[1].column_name", "one source"},
      {"table: orders", "table: orders\nresources: {shards: 0}", "resources.shards", "1 to 256"},
      {"table: orders", "table: orders\nresources: {shards: 257}", "resources.shards", "1 to 256"},
      {"table: orders", "table: orders\nresources: {nats: {stream: {max_bytes: 1MiB}}}",
       "resources.nats.stream.maxBytes", "12MiB"},
      {"table: orders", "table: orders\nresources: {nats: {stream: {max_age: 7d, maxMsgs: -1}}}",
       "", ""},
      {"table: orders", "table: orders\nresources: {nats: {stream: {max_age: 1h, maxAge: 1h}}}",
       "resources.nats.stream.max_age", "another spelling"},
      {"table: orders", "table: orders\nresources: {batch: {max_delay: 0s}}",
       "resources.batch.max_delay", "longer than 0s"},
      {"table: orders",
       "table: orders\nresources: {sink: {requests: {cpu: 2}, limits: {cpu: 1500m}}}",
       "resources.sink.requests.cpu", "above the limit"},
      {"pipeline_id: orders", "pipeline_id: orders\nname:", "", ""},
      {"pipeline_id: orders", "pipeline_id: orders\nsources: []", "sources", "already on line"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.to);
    const Document document = ReadPipeline(Replaced(kMinimal, c.from, c.to));
    if (*c.message == '\0') {
      EXPECT_EQ(FaultsAsText(document.faults, ""), "");
      continue;
    }
    ASSERT_FALSE(document.ok());
    bool found = false;
    for (const Fault& fault : document.faults) {
      found = found || (fault.path == c.path && fault.message.find(c.message) != std::string::npos);
    }
    EXPECT_TRUE(found) << FaultsAsText(document.faults, "");
  }
}

TEST(RulesTest, OAuthNeedsToKnowWhereItsTokensComeFrom) {
  std::string text = Replaced(kMinimal, "NO_AUTH", "OAUTHBEARER");
  text = Replaced(text, "PLAINTEXT", "SASL_SSL");
  EXPECT_THAT(FaultsAsText(ReadPipeline(text).faults, ""), HasSubstr("sasl.oauthbearer.method"));
  text = Replaced(text, "OAUTHBEARER",
                  "OAUTHBEARER\n      properties: {sasl.oauthbearer.method: oidc}");
  EXPECT_EQ(FaultsAsText(ReadPipeline(text).faults, ""), "");
}

TEST(RulesTest, ASaslProtocolWithoutAMechanismIsWhatIsBelowIt) {
  const Document document = ReadPipeline(Replaced(kMinimal, "PLAINTEXT", "SASL_SSL"));
  EXPECT_EQ(FaultsAsText(document.faults, ""), "");
  EXPECT_EQ(document.spec.sources.at(0).connection.protocol, "SSL");
  EXPECT_EQ(FaultsAsText(document.notes, ""),
            "line 8: sources[0].connection_params.protocol: is taken as SSL: the mechanism is "
            "NO_AUTH");
}

TEST(RulesTest, TheHttpPortFollowsFromSecureUnlessGiven) {
  const auto port = [](const char* settings) {
    const Document document = ReadPipeline(
        Replaced(kMinimal, "host: clickhouse", std::string("host: clickhouse\n    ") + settings));
    EXPECT_EQ(FaultsAsText(document.faults, ""), "");
    return document.spec.sink.connection.http_port;
  };
  EXPECT_EQ(port("secure: false"), 8123);
  EXPECT_EQ(port("secure: true"), 8443);
  EXPECT_EQ(port("secure: true\n    http_port: \"443\""), 443);
}

TEST(RulesTest, LargeBlocksAreCutAndItIsNoted) {
  const Document document =
      ReadPipeline(Replaced(kMinimal, "table: orders", "table: orders\n  max_batch_size: 5000000"));
  EXPECT_TRUE(document.ok());
  EXPECT_EQ(document.spec.sink.max_batch_rows, 1'048'448U);
  EXPECT_EQ(document.notes.size(), 1U);
}

TEST(RulesTest, ColumnTypesAreCheckedAtAnyDepth) {
  for (const char* type : {"String",
                           "Nullable(Int8)",
                           "LowCardinality(Nullable(FixedString(3)))",
                           "Decimal(18, 4)",
                           "DateTime64(9, 'Europe/Berlin')",
                           "Enum8('a' = 1, 'b, (c)' = 2)",
                           "Enum16",
                           "Map(LowCardinality(String), Array(UInt64))",
                           "Tuple(a String, b Nullable(Int8))",
                           "Tuple(String, UInt8)",
                           "Nested(a String, `b c` Array(Int8))",
                           "Variant(String, Int8)",
                           "JSON(max_dynamic_paths=10, a.b UInt32)",
                           "SimpleAggregateFunction(sum, UInt64)",
                           " Array( String ) ",
                           "FixedString",
                           "Point",
                           "Geometry",
                           "QBit(Float32, 8)",
                           "IntervalDay",
                           "Time64(3)"}) {
    EXPECT_EQ(ColumnTypeFault(type), "") << type;
  }
  for (const char* type : {"", "string", "Strin", "Array(string)", "Array(String", "Array(String))",
                           "Map(String)", "Nullable()", "Nullable(Int8, Int8)", "Int8(3)",
                           "Array(String)x", "Tuple(a Strin)", "Enum8('a)", "Decimal"}) {
    EXPECT_NE(ColumnTypeFault(type), "") << type;
  }
  EXPECT_THAT(ColumnTypeFault("Array(string)"), HasSubstr("did you mean \"String\"?"));
  EXPECT_NE(ColumnTypeFault(std::string(9'000, '(')), "");
  std::string deep = "Int8";
  for (int i = 0; i < 1'000; ++i) deep = "Array(" + deep + ")";
  EXPECT_NE(ColumnTypeFault(deep), "");
}

TEST(RulesTest, ExactNumbersAreThoseOfArbitraryPrecision) {
  for (const char* type : {"Decimal(18, 4)", "Nullable(Decimal64(2))", "Int256", "UInt128",
                           "SimpleAggregateFunction(sum, Nullable(Decimal(38, 2)))"}) {
    EXPECT_TRUE(NeedsExactNumber(type)) << type;
  }
  for (const char* type : {"Int64", "Float64", "String", "", "Array(Int128)",
                           "SimpleAggregateFunction(sum, Int64)", "SimpleAggregateFunction()"}) {
    EXPECT_FALSE(NeedsExactNumber(type)) << type;
  }
}

TEST(RulesTest, QuantitiesAreThoseOfKubernetes) {
  EXPECT_EQ(ParseQuantity("500m"), 0.5);
  EXPECT_EQ(ParseQuantity("2"), 2);
  EXPECT_EQ(ParseQuantity("1.5Gi"), 1.5 * (1 << 30));
  EXPECT_EQ(ParseQuantity("1e3"), 1'000);
  EXPECT_EQ(ParseQuantity("1E"), 1e18);
  EXPECT_EQ(ParseQuantity("+1k"), 1'000);
  for (const char* text : {"", "lots", "12 MB", "1KB", "m", "1e", "1ee3", "nan", "inf", "1e3Gi"}) {
    EXPECT_EQ(ParseQuantity(text), std::nullopt) << text;
  }
}

TEST(RulesTest, EveryFaultyExpressionIsShownWithItsPlace) {
  const Document document = ReadPipeline(Replaced(kMinimal, "sink:\n", R"--(transforms:
  - {type: filter, source_id: orders, config: {expression: "amount > \"5\""}}
  - type: stateless
    source_id: orders
    config:
      transforms:
        - {expression: cents + 1, output_name: a, output_type: int}
        - {expression: "upper(idd)", output_name: b, output_type: string}
        - {expression: "cents *", output_name: c, output_type: int}
sink:
)--"));
  ASSERT_EQ(document.faults.size(), 3U) << FaultsAsText(document.faults, "");
  EXPECT_EQ(document.faults[0].path, "transforms[0].config.expression");
  EXPECT_EQ(document.faults[0].line, 16);
  EXPECT_THAT(document.faults[0].message, HasSubstr("1:8: "));
  EXPECT_THAT(document.faults[0].message, HasSubstr("amount > \"5\"\n"));
  EXPECT_EQ(document.faults[1].path, "transforms[1].config.transforms[1].expression");
  EXPECT_EQ(document.faults[1].line, 22);
  EXPECT_THAT(document.faults[1].message, HasSubstr("unknown name 'idd'; did you mean 'id'?"));
  EXPECT_EQ(document.faults[2].path, "transforms[1].config.transforms[2].expression");
}

TEST(RulesTest, AFilterGivesABoolean) {
  const auto faults = [](const std::string& expression) {
    return FaultsAsText(
        ReadPipeline(Replaced(kMinimal, "sink:\n",
                              "transforms:\n  - {type: filter, source_id: orders, config: "
                              "{expression: '" +
                                  expression + "'}}\nsink:\n"))
            .faults,
        "");
  };
  EXPECT_THAT(faults("amount * 2"), HasSubstr("must be a boolean"));
  EXPECT_EQ(faults("amount > 2"), "");
}

TEST(RulesTest, AnExpressionOutOfTheEnvironmentIsNotShown) {
  const Document document = ReadPipeline(
      Replaced(kMinimal, "sink:\n",
               "transforms:\n  - {type: filter, source_id: orders, config: {expression: "
               "\"${X_PASSWORD}\"}}\nsink:\n"),
      SecretOptions());
  ASSERT_EQ(document.faults.size(), 1U);
  EXPECT_EQ(document.faults[0].message, "is faulty; its text came out of ${...} and is not shown");
}

TEST(RulesTest, TimesAreRfc3339OrMilliseconds) {
  EXPECT_EQ(ParseTimeMs("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(ParseTimeMs("2024-03-15T10:22:31.5Z"), 1'710'498'151'500);
  EXPECT_EQ(ParseTimeMs("2024-03-15T12:22:31.123456+02:00"), 1'710'498'151'123);
  EXPECT_EQ(ParseTimeMs("2024-03-15 10:22Z"), 1'710'498'120'000);
  EXPECT_EQ(ParseTimeMs("2024-03-15"), 1'710'460'800'000);
  EXPECT_EQ(ParseTimeMs("1710498151500"), 1'710'498'151'500);
  EXPECT_EQ(ParseTimeMs("1969-12-31T23:59:59-00:00"), -1'000);
  for (const char* text :
       {"", "now", "2024-13-01", "2024-02-30", "2024-03-15T10:22:31", "2024-03-15T24:00:00Z",
        "2024-03-15T10:22:31.Z", "2024-03-15T10:22:31Zx", "2024-03-15T10:22:31+2", "-5",
        "2024-3-15", "20240315T102231Z", "2024-+3-15"}) {
    EXPECT_EQ(ParseTimeMs(text), std::nullopt) << text;
  }
}

TEST(RulesTest, EditDistanceCountsASwapOnce) {
  EXPECT_EQ(EditDistance("", ""), 0U);
  EXPECT_EQ(EditDistance("abc", ""), 3U);
  EXPECT_EQ(EditDistance("topic", "topci"), 1U);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3U);
  const std::string_view names[] = {"topic", "type"};
  EXPECT_EQ(Nearest("Topic", names), "topic");
  EXPECT_EQ(Nearest("unrelated", names), "");
}

}  // namespace
}  // namespace penstock::config
