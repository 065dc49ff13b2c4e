#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/pipeline.h"
#include "config/planner.h"
#include "unit/config/documents.h"

namespace penstock::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

PipelineSpec Parse(std::string_view text) {
  Result<PipelineSpec> spec = ParsePipeline(text, SecretOptions());
  EXPECT_TRUE(spec.ok()) << spec.error().detail;
  return spec.ok() ? spec.value() : PipelineSpec{};
}

// kMinimal with this mapping, one entry a "field column type".
PipelineSpec WithMapping(const std::string& entries) {
  return Parse(std::string(kMinimal) + "  mapping:\n" + entries);
}

std::vector<std::string> Sent(const SourcePlan& source) {
  std::vector<std::string> names;
  for (const PlannedField& field : source.fields) {
    if (field.sent) names.push_back(field.name);
  }
  return names;
}

TEST(PlannerTest, OnlyMappedFieldsTravelAndTheOthersAreChecked) {
  const PipelinePlan plan = MakePlan(WithMapping("    - {name: cents, column_name: c}\n"));
  ASSERT_EQ(plan.sources.size(), 1U);
  EXPECT_EQ(plan.sources[0].fields.size(), 4U) << "all are checked";
  EXPECT_THAT(Sent(plan.sources[0]), ElementsAre("cents"));
  EXPECT_THAT(plan.sources[0].route_key, IsEmpty());
  EXPECT_EQ(plan.sink_hop, "in");
  ASSERT_EQ(plan.sink_fields.size(), 1U);
  EXPECT_EQ(plan.sink_fields[0].physical, PhysicalType::kInt64);
  ASSERT_EQ(plan.columns.size(), 1U);
  EXPECT_EQ(plan.columns[0].column_name, "c");
  EXPECT_EQ(plan.columns[0].field_type, FieldType::kInt64);
}

TEST(PlannerTest, WithoutAMappingEveryFieldTravels) {
  const PipelinePlan plan = MakePlan(Parse(kMinimal));
  EXPECT_THAT(Sent(plan.sources[0]), ElementsAre("id", "amount", "cents", "tags"));
  EXPECT_THAT(plan.columns, IsEmpty());
  EXPECT_EQ(plan.sink_fields.size(), 4U);
}

TEST(PlannerTest, DeclaredTypesTravelAsTheirPhysicalOnes) {
  const struct {
    const char* declared;
    FieldType type;
    PhysicalType physical;
  } cases[] = {
      {"string", FieldType::kString, PhysicalType::kString},
      {"bytes", FieldType::kBytes, PhysicalType::kString},
      {"boolean", FieldType::kBool, PhysicalType::kBool},
      {"integer", FieldType::kInt64, PhysicalType::kInt64},
      {"int8", FieldType::kInt8, PhysicalType::kInt64},
      {"uint", FieldType::kUint64, PhysicalType::kUint64},
      {"uint32", FieldType::kUint32, PhysicalType::kUint64},
      {"number", FieldType::kFloat64, PhysicalType::kFloat64},
      {"float32", FieldType::kFloat32, PhysicalType::kFloat64},
      {"array", FieldType::kArray, PhysicalType::kJson},
      {"object", FieldType::kMap, PhysicalType::kJson},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.declared);
    const PipelinePlan plan =
        MakePlan(Parse(Replaced(kMinimal, "type: string", std::string("type: ") + c.declared)));
    EXPECT_EQ(plan.sources[0].fields[0].type, c.type);
    EXPECT_EQ(plan.sources[0].fields[0].physical, c.physical);
    EXPECT_EQ(plan.sources[0].fields[0].declared_type, c.declared);
  }
}

TEST(PlannerTest, NumbersForDecimalsTravelAsTheirText) {
  const PipelinePlan plan =
      MakePlan(WithMapping("    - {name: amount, column_name: a, column_type: Float64}\n"
                           "    - {name: amount, column_name: b, column_type: 'Decimal(18, 4)'}\n"
                           "    - {name: cents, column_name: c, column_type: Int64}\n"
                           "    - {name: id, column_name: d, column_type: Int256}\n"));
  EXPECT_EQ(plan.sources[0].fields[0].physical, PhysicalType::kString);
  EXPECT_EQ(plan.sources[0].fields[1].physical, PhysicalType::kJson);
  EXPECT_EQ(plan.sources[0].fields[1].type, FieldType::kFloat64);
  EXPECT_EQ(plan.sources[0].fields[2].physical, PhysicalType::kInt64);
}

TEST(PlannerTest, NullAsDefaultIsForEveryColumn) {
  const std::string mapping = "  mapping:\n    - {name: cents, column_name: c}\n";
  EXPECT_FALSE(MakePlan(Parse(std::string(kMinimal) + mapping)).columns.at(0).null_as_default);
  const PipelinePlan plan =
      MakePlan(Parse(std::string(kMinimal) + "  null_as_default: true\n" + mapping));
  EXPECT_TRUE(plan.columns.at(0).null_as_default);
}

TEST(PlannerTest, MetadataTravelsOnlyWhereABatchDoesNotHaveItAnyway) {
  const PipelinePlan plan =
      MakePlan(WithMapping("    - {name: _topic, column_name: topic}\n"
                           "    - {name: _offset, column_name: offset}\n"
                           "    - {name: _key, column_name: key}\n"
                           "    - {name: _headers, column_name: headers}\n"));
  EXPECT_THAT(Sent(plan.sources[0]), ElementsAre("_key", "_headers"));
  EXPECT_TRUE(plan.sources[0].fields[4].metadata);
  EXPECT_EQ(plan.sources[0].fields[4].physical, PhysicalType::kString);
  EXPECT_EQ(plan.sources[0].fields[5].physical, PhysicalType::kJson);
  ASSERT_EQ(plan.columns.size(), 4U);
  EXPECT_TRUE(plan.columns[1].metadata);
  EXPECT_EQ(plan.columns[1].field_type, FieldType::kInt64);
}

TEST(PlannerTest, ADeclaredFieldComesBeforeTheMetadataOfItsName) {
  const PipelinePlan plan = MakePlan(Parse(Replaced(kMinimal, "name: id", "name: _key") +
                                           "  mapping:\n    - {name: _key, column_name: key}\n"));
  EXPECT_THAT(Sent(plan.sources[0]), ElementsAre("_key"));
  EXPECT_FALSE(plan.columns[0].metadata);
  EXPECT_FALSE(plan.sources[0].fields[0].metadata);
}

TEST(PlannerTest, ExpressionsMayReadAnyFieldAndTheirOutputsFeedTheSink) {
  const PipelinePlan plan = MakePlan(Parse(kEveryTransform));
  EXPECT_THAT(Sent(plan.sources[0]), ElementsAre("id", "amount"));
  EXPECT_THAT(plan.sources[0].route_key, ElementsAre("id", "amount"));
  EXPECT_TRUE(plan.transform.has_value());
  EXPECT_EQ(plan.sink_hop, "out");
  ASSERT_EQ(plan.sink_fields.size(), 1U);
  EXPECT_EQ(plan.sink_fields[0].name, "ID");
}

TEST(PlannerTest, AJoinSendsItsKeysAndOutputs) {
  const PipelinePlan plan = MakePlan(Parse(kEverything));
  EXPECT_TRUE(plan.has_join);
  EXPECT_THAT(Sent(plan.sources[0]), ElementsAre("id"));
  EXPECT_THAT(Sent(plan.sources[1]), ElementsAre("order_id", "reason"));
  EXPECT_THAT(plan.sources[1].route_key, ElementsAre("order_id"));
  ASSERT_EQ(plan.sink_fields.size(), 2U);
  EXPECT_EQ(plan.sink_fields[1].name, "why");
}

TEST(PlannerTest, FingerprintsChangeWithWhatTheReaderMustKnow) {
  const std::string mapping = "    - {name: cents, column_name: c}\n";
  const Fingerprints base = MakePlan(WithMapping(mapping)).sources[0].fingerprints;
  const auto of = [](const PipelineSpec& spec) { return MakePlan(spec).sources[0].fingerprints; };
  PipelineSpec spec = WithMapping(mapping);
  EXPECT_EQ(of(spec), base);
  spec.sink.max_batch_rows = 7;
  spec.sink.mapping[0].column_name = "other";
  EXPECT_EQ(of(spec), base) << "the sink's own business";
  spec.resources.shards = 3;
  EXPECT_NE(of(spec).pipeline, base.pipeline);
  EXPECT_EQ(of(spec).schema, base.schema);
  spec = WithMapping(mapping);
  spec.sources[0].schema_fields[2].type = FieldType::kFloat64;
  EXPECT_NE(of(spec).schema, base.schema);
  EXPECT_NE(of(WithMapping("    - {name: id, column_name: c}\n")).schema, base.schema);
}

TEST(PlannerTest, TheDescriptionSaysWhatWillRun) {
  const PipelineSpec spec =
      WithMapping("    - {name: cents, column_name: c, column_type: Int64}\n");
  const std::string text = DescribePlan(spec, MakePlan(spec), 4);
  EXPECT_THAT(text, HasSubstr("pipeline orders, 12 shards"));
  EXPECT_THAT(text, HasSubstr("ingestor-orders  Kafka topic shop.orders → in; 5 threads"));
  EXPECT_THAT(text, HasSubstr("in → ClickHouse table shop.orders; 3 threads"));
  EXPECT_THAT(text, HasSubstr("in: 12 of 342 MiB each, on disk"));
  EXPECT_THAT(text, HasSubstr("cents   int64     must be there"));
  EXPECT_THAT(text, HasSubstr("c       Int64  from cents"));
  const std::string json = DescribePlanAsJson(spec, MakePlan(spec), 4);
  EXPECT_TRUE(ReadPipeline(json).faults.at(0).message.find("not valid JSON") == std::string::npos);
  EXPECT_THAT(json,
              HasSubstr(R"("streams": [{"hop": "in", "count": 12, "max_bytes": 357913941}])"));
}

}  // namespace
}  // namespace penstock::config
