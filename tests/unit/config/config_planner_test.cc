#include <array>
#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
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
  EXPECT_EQ(plan.sink_hop, Hop::kIn);
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

// kMinimal with these transforms, and perhaps a mapping, one entry a line.
PipelineSpec WithTransforms(const std::string& transforms, const std::string& mapping = "") {
  return Parse(Replaced(kMinimal, "sink:\n", "transforms:\n" + transforms + "sink:\n") +
               (mapping.empty() ? "" : "  mapping:\n" + mapping));
}

std::string Filter(const std::string& expression) {
  return "  - {type: filter, source_id: orders, config: {expression: '" + expression + "'}}\n";
}

std::string Dedup(const std::string& key) {
  return "  - {type: dedup, source_id: orders, config: {key: " + key + ", time_window: 1h}}\n";
}

// Each output an "expression → name: type" of its own.
std::string Stateless(std::initializer_list<std::array<const char*, 3>> outputs) {
  std::string text = "  - type: stateless\n    source_id: orders\n    config:\n      transforms:\n";
  for (const auto& [expression, name, type] : outputs) {
    text += fmt::format("        - {{expression: '{}', output_name: {}, output_type: '{}'}}\n",
                        expression, name, type);
  }
  return text;
}

std::vector<std::string> Names(const std::vector<PlannedField>& fields) {
  std::vector<std::string> names;
  for (const PlannedField& field : fields) names.push_back(field.name);
  return names;
}

TEST(PlannerTest, EveryTransformHasItsPlace) {
  const PipelinePlan plan = MakePlan(Parse(kEveryTransform));
  EXPECT_THAT(Sent(plan.sources[0]), ElementsAre("id", "amount"));
  EXPECT_THAT(plan.sources[0].route_key, ElementsAre("id", "amount"));
  EXPECT_EQ(plan.sink_hop, Hop::kOut);
  ASSERT_TRUE(plan.transform.has_value());
  EXPECT_EQ(plan.transform->source_id, "orders");
  EXPECT_EQ(plan.transform->filter, "amount > 1");
  EXPECT_THAT(plan.transform->dedup_key, ElementsAre("id", "amount"));
  EXPECT_EQ(plan.transform->dedup_window, std::chrono::hours(7 * 24));
  ASSERT_EQ(plan.transform->outputs.size(), 1U);
  EXPECT_EQ(plan.transform->outputs[0].expression, "upper(id)");
  EXPECT_THAT(Names(plan.transform->input), ElementsAre("id", "amount"));
  EXPECT_THAT(Names(plan.transform->output), ElementsAre("ID"));
  EXPECT_THAT(Names(plan.sink_fields), ElementsAre("ID"));
  EXPECT_EQ(plan.sink_fields[0].physical, PhysicalType::kString);
}

TEST(PlannerTest, AFilterReadsItsFieldsAndPassesOnThoseOfTheSink) {
  const PipelinePlan plan =
      MakePlan(WithTransforms(Filter("cents > 5"), "    - {name: id, column_name: i}\n"));
  EXPECT_THAT(Sent(plan.sources[0]), ElementsAre("id", "cents"));
  EXPECT_THAT(plan.sources[0].route_key, IsEmpty());
  EXPECT_THAT(Names(plan.transform->output), ElementsAre("id"));
  EXPECT_NE(plan.transform->fingerprints.schema, plan.sources[0].fingerprints.schema);
  EXPECT_FALSE(plan.transform->output[0].optional) << "as it is declared";
}

TEST(PlannerTest, AKeyTravelsButIsNotPassedOn) {
  const PipelinePlan plan =
      MakePlan(WithTransforms(Dedup("id"), "    - {name: cents, column_name: c}\n"));
  EXPECT_THAT(Sent(plan.sources[0]), ElementsAre("id", "cents"));
  EXPECT_THAT(plan.sources[0].route_key, ElementsAre("id"));
  EXPECT_THAT(Names(plan.transform->output), ElementsAre("cents"));
}

TEST(PlannerTest, WithoutAMappingEveryDeclaredFieldIsPassedOn) {
  const PipelinePlan plan = MakePlan(WithTransforms(Filter("cents > 5")));
  EXPECT_THAT(Names(plan.transform->output), ElementsAre("id", "amount", "cents", "tags"));
}

TEST(PlannerTest, OutputsReplaceTheRowAndTravelAsTheirTypes) {
  const PipelinePlan plan = MakePlan(WithTransforms(Stateless({{"id", "a", "string"},
                                                               {"cents", "b", "int"},
                                                               {"cents", "c", "int64"},
                                                               {"amount", "d", "float64"},
                                                               {"amount > 1", "e", "bool"},
                                                               {"cents", "f", "uint32"},
                                                               {"id", "g", "[]string"},
                                                               {"id", "h", "whatever"}})));
  EXPECT_THAT(Sent(plan.sources[0]), ElementsAre("id", "amount", "cents"));
  const std::vector<PlannedField>& output = plan.transform->output;
  EXPECT_THAT(Names(output), ElementsAre("a", "b", "c", "d", "e", "f", "g", "h"));
  const PhysicalType physical[] = {
      PhysicalType::kString, PhysicalType::kInt64, PhysicalType::kInt64, PhysicalType::kFloat64,
      PhysicalType::kBool,   PhysicalType::kJson,  PhysicalType::kJson,  PhysicalType::kJson};
  const FieldType declared[] = {FieldType::kString,  FieldType::kInt64, FieldType::kInt64,
                                FieldType::kFloat64, FieldType::kBool,  FieldType::kUint32,
                                FieldType::kArray,   FieldType::kMap};
  for (std::size_t i = 0; i < output.size(); ++i) {
    EXPECT_EQ(output[i].physical, physical[i]) << output[i].name;
    EXPECT_EQ(output[i].type, declared[i]) << output[i].name;
    EXPECT_TRUE(output[i].optional) << output[i].name;
  }
}

TEST(PlannerTest, MembersComeFromTheColumnThatHasThem) {
  const auto sent = [](const char* expression) {
    const std::string fields =
        "{name: user.id, type: string}\n      - {name: user.name, type: string}\n"
        "      - {name: place, type: map}";
    return Sent(MakePlan(Parse(Replaced(
                             Replaced(kMinimal, "{name: tags, type: array}", fields), "sink:\n",
                             "transforms:\n" + Stateless({{expression, "o", "any"}}) + "sink:\n")))
                    .sources[0]);
  };
  EXPECT_THAT(sent("user.id"), ElementsAre("user.id"));
  EXPECT_THAT(sent("user?.id"), ElementsAre("user.id"));
  EXPECT_THAT(sent("place.city.name"), ElementsAre("place"));
  EXPECT_THAT(sent("let p = place; p.city"), ElementsAre("place"));
  EXPECT_THAT(sent("$env.cents"), ElementsAre("cents"));
  EXPECT_THAT(sent("1 + 1"), IsEmpty());
  EXPECT_THAT(sent("$env"), ElementsAre("id", "amount", "cents", "user.id", "user.name", "place"));
  // Of what is not declared but has declared members, the record's object is sent.
  EXPECT_THAT(sent("toJSON(user)"), ElementsAre("user"));
  EXPECT_THAT(sent("user.id + user.mail"), ElementsAre("user.id", "user"));
}

TEST(PlannerTest, MetadataPassesTheTransform) {
  const std::string mapping =
      "    - {name: o, column_name: o}\n    - {name: _key, column_name: k}\n"
      "    - {name: _topic, column_name: t}\n    - {name: _headers, column_name: h}\n";
  const PipelinePlan plan = MakePlan(WithTransforms(Stateless({{"id", "o", "string"}}), mapping));
  EXPECT_THAT(Names(plan.transform->input), ElementsAre("id", "_key", "_headers"));
  EXPECT_THAT(Names(plan.transform->output), ElementsAre("o", "_key", "_headers"));
  EXPECT_TRUE(plan.transform->output[1].metadata);
  // An output of that name comes before Kafka's.
  const PipelinePlan own = MakePlan(
      WithTransforms(Stateless({{"id", "o", "string"}, {"id", "_key", "string"}}), mapping));
  EXPECT_THAT(Names(own.transform->input), ElementsAre("id", "_headers"));
  EXPECT_THAT(Names(own.transform->output), ElementsAre("o", "_key", "_headers"));
  EXPECT_FALSE(own.columns[1].metadata);
}

TEST(PlannerTest, ExactNumbersStayExactBehindAFilter) {
  const std::string mapping =
      "    - {name: amount, column_name: a, column_type: 'Decimal(18, 4)'}\n";
  const PipelinePlan plan = MakePlan(WithTransforms(Filter("amount > 5"), mapping));
  EXPECT_EQ(plan.transform->input.at(0).physical, PhysicalType::kJson);
  EXPECT_EQ(plan.transform->output.at(0).physical, PhysicalType::kJson);
  EXPECT_EQ(plan.transform->output.at(0).type, FieldType::kFloat64);
}

TEST(PlannerTest, FractionsOfTimesAreCutOffUnlessTheyAreAKey) {
  const std::string mapping = "    - {name: cents, column_name: at, column_type: DateTime}\n";
  EXPECT_TRUE(
      MakePlan(WithTransforms(Filter("cents > 5"), mapping)).transform->input[0].drop_fraction);
  EXPECT_FALSE(MakePlan(WithTransforms(Dedup("cents"), mapping)).transform->input[0].drop_fraction);
}

TEST(PlannerTest, TheDescriptionShowsTheTransform) {
  const PipelineSpec spec = Parse(kEveryTransform);
  const std::string text = DescribePlan(spec, MakePlan(spec), 4);
  EXPECT_THAT(text, HasSubstr("transform        in → out; 12 threads, at most about 1376 MiB"));
  EXPECT_THAT(text, HasSubstr("  keys: 12 of 1298 MiB each, on disk; room for 1125 new keys a "
                              "second over 7d, at about 24 bytes each\n"));
  EXPECT_THAT(text, HasSubstr("  out: 12 of 342 MiB each"));
  EXPECT_THAT(text, HasSubstr("the shard follows from id, amount"));
  EXPECT_THAT(text, HasSubstr("keeps rows where  amount > 1\n"));
  EXPECT_THAT(text, HasSubstr("drops rows whose  id, amount came before, within 7d\n"));
  EXPECT_THAT(text, HasSubstr("ID  string    upper(id)\n"));
  const std::string json = DescribePlanAsJson(spec, MakePlan(spec), 4);
  EXPECT_TRUE(ReadPipeline(json).faults.at(0).message.find("not valid JSON") == std::string::npos);
  EXPECT_THAT(json,
              HasSubstr(R"("transform": {"filter": "amount > 1", "dedup_key": ["id", "amount"])"));
}

TEST(PlannerTest, AJoinSendsItsKeysAndOutputs) {
  const PipelinePlan plan = MakePlan(Parse(kEverything));
  ASSERT_TRUE(plan.join.has_value());
  EXPECT_THAT(Sent(plan.sources[0]), ElementsAre("id"));
  EXPECT_THAT(Sent(plan.sources[1]), ElementsAre("order_id", "reason"));
  EXPECT_THAT(plan.sources[1].route_key, ElementsAre("order_id"));
  ASSERT_EQ(plan.sink_fields.size(), 2U);
  EXPECT_EQ(plan.sink_fields[1].name, "why");
}

// kEverything's sources and sides, with what a test says of transforms and the rest of the join.
PipelineSpec Joined(const std::string& transforms, const std::string& join_lines,
                    const std::string& outputs, const std::string& mapping) {
  const std::string all = kEverything;
  const std::size_t begin = all.find("transforms:\n");
  const std::size_t sink = all.find("sink:\n", begin);
  const std::size_t map = all.find("  mapping:\n");
  return Parse(all.substr(0, begin) + transforms + "join:\n  enabled: true\n" + join_lines +
               "  left_source: {source_id: orders, key: id, time_window: 1h}\n"
               "  right_source: {source_id: refunds, key: order_id, time_window: 2h}\n"
               "  output_fields:\n" +
               outputs + all.substr(sink, map - sink) + "  mapping:\n" + mapping +
               "resources:\n  shards: 6\n  nats:\n    stream: {maxBytes: 6GiB}\n"
               "    storage: memory\n");
}
const std::string kOutputs =
    "    - {source_id: orders, name: amount, output_name: amount}\n"
    "    - {source_id: refunds, name: reason, output_name: why}\n";
const std::string kOutputMapping =
    "    - {name: amount, column_name: amount, column_type: Float64}\n"
    "    - {name: why, column_name: why, column_type: String}\n";

std::string DedupOf(const std::string& source_id, const std::string& key) {
  return fmt::format(
      "  - type: dedup\n    source_id: {}\n    config: {{key: {}, time_window: 3h}}\n", source_id,
      key);
}

TEST(PlannerTest, WithoutADedupTheSidesAreWhatTheIngestorsSend) {
  const PipelinePlan plan = MakePlan(Joined("", "", kOutputs, kOutputMapping));
  ASSERT_TRUE(plan.join.has_value());
  EXPECT_FALSE(plan.transform.has_value());
  EXPECT_EQ(plan.sink_hop, Hop::kOut);
  const JoinPlan& join = *plan.join;
  EXPECT_EQ(plan.sources[0].hop, Hop::kLeft);
  EXPECT_EQ(plan.sources[1].hop, Hop::kRight);
  EXPECT_THAT(plan.sources[0].route_key, ElementsAre("id"));
  EXPECT_TRUE(plan.sources[0].clocks);
  EXPECT_THAT(Names(join.left.input), ElementsAre("id", "amount"));
  EXPECT_THAT(Names(join.right.input), ElementsAre("order_id", "reason"));
  EXPECT_EQ(join.left.fingerprints, plan.sources[0].fingerprints);
  EXPECT_EQ(join.left.window, std::chrono::hours(1));
  EXPECT_FALSE(join.left.dedup || join.left.shuffled || join.after || join.sends_unmatched);
  ASSERT_EQ(join.outputs.size(), 2U);
  EXPECT_EQ(join.outputs[1].side, Side::kRight);
  EXPECT_EQ(join.right.input.at(join.outputs[1].field).name, "reason");
  EXPECT_THAT(Names(join.output), ElementsAre("amount", "why"));
  EXPECT_THAT(Names(plan.sink_fields), ElementsAre("amount", "why"));
}

TEST(PlannerTest, ADedupByTheJoinKeyPassesOnInItsShard) {
  const PipelinePlan plan =
      MakePlan(Joined("transforms:\n" + DedupOf("orders", "id"), "", kOutputs, kOutputMapping));
  const JoinSidePlan& left = plan.join->left;
  ASSERT_TRUE(left.dedup.has_value());
  EXPECT_EQ(plan.sources[0].hop, Hop::kLeftIn);
  EXPECT_EQ(left.dedup->from, Hop::kLeftIn);
  EXPECT_EQ(left.dedup->to, Hop::kLeft);
  EXPECT_EQ(left.dedup->keys, Hop::kLeftKeys);
  EXPECT_EQ(left.dedup->shuffle_key, "");
  EXPECT_FALSE(left.shuffled);
  EXPECT_EQ(left.fingerprints, left.dedup->fingerprints);
  EXPECT_FALSE(plan.join->right.dedup.has_value());
}

// The field that only the dedup needs goes no further than to it.
TEST(PlannerTest, ADedupByAnotherKeyShuffles) {
  const PipelinePlan plan = MakePlan(
      Joined("transforms:\n" + DedupOf("orders", "[id, count]") + DedupOf("refunds", "reason"), "",
             kOutputs, kOutputMapping));
  const JoinPlan& join = *plan.join;
  EXPECT_THAT(plan.sources[0].route_key, ElementsAre("id", "count"));
  EXPECT_THAT(Names(join.left.dedup->input), ElementsAre("id", "amount", "count"));
  EXPECT_THAT(Names(join.left.input), ElementsAre("id", "amount"));
  EXPECT_EQ(join.left.dedup->shuffle_key, "id");
  EXPECT_TRUE(join.left.shuffled);
  EXPECT_EQ(plan.sources[1].hop, Hop::kRightIn);
  EXPECT_EQ(join.right.dedup->to, Hop::kRight);
  EXPECT_EQ(join.right.dedup->keys, Hop::kRightKeys);
  EXPECT_EQ(join.right.dedup->shuffle_key, "order_id");
}

TEST(PlannerTest, AnUnmatchedRowLeavesTheRightColumnsEmpty) {
  const PipelinePlan inner = MakePlan(Joined("", "  kind: inner\n", kOutputs, kOutputMapping));
  const PipelinePlan left = MakePlan(Joined("", "  kind: left\n", kOutputs, kOutputMapping));
  EXPECT_FALSE(inner.join->outputs[1].column.optional);
  EXPECT_TRUE(left.join->sends_unmatched);
  EXPECT_TRUE(left.join->outputs[1].column.optional);
  EXPECT_TRUE(left.sink_fields[1].optional);
  EXPECT_EQ(left.join->outputs[0].column.optional, inner.join->outputs[0].column.optional);
}

TEST(PlannerTest, FilterAndOutputsComeAfterTheJoin) {
  const std::string after =
      "transforms:\n"
      "  - type: filter\n    source_id: join\n    config: {expression: amount > 1}\n"
      "  - type: stateless\n    source_id: join\n    config:\n      transforms:\n"
      "        - {expression: upper(why), output_name: WHY, output_type: string}\n";
  const PipelinePlan plan = MakePlan(
      Joined(after, "", kOutputs, "    - {name: WHY, column_name: why, column_type: String}\n"));
  EXPECT_FALSE(plan.transform.has_value());
  const JoinPlan& join = *plan.join;
  ASSERT_TRUE(join.after.has_value());
  EXPECT_EQ(join.after->filter, "amount > 1");
  EXPECT_THAT(Names(join.after->input), ElementsAre("amount", "why"));
  EXPECT_THAT(Names(join.after->output), ElementsAre("WHY"));
  EXPECT_EQ(join.output.size(), 1U);
  EXPECT_EQ(join.fingerprints, join.after->fingerprints);
  EXPECT_EQ(plan.sink_fields.at(0).name, "WHY");
}

TEST(PlannerTest, TheDescriptionShowsTheJoin) {
  const PipelineSpec spec = Joined("transforms:\n" + DedupOf("orders", "count"),
                                   "  kind: left\n  max_skew: 10m\n", kOutputs, kOutputMapping);
  const std::string text = DescribePlan(spec, MakePlan(spec), 4);
  EXPECT_THAT(text, HasSubstr("ingestor-orders   Kafka topic shop.orders → left-in; 5 threads"));
  EXPECT_THAT(text, HasSubstr("ingestor-refunds  Kafka topic shop.refunds → right; 5 threads"));
  EXPECT_THAT(text, HasSubstr("transform-orders  left-in → left of every shard; 6 threads"));
  EXPECT_THAT(text, HasSubstr("join              left and right → out; 18 threads"));
  EXPECT_THAT(text, HasSubstr("sink              out → ClickHouse table shop.orders"));
  EXPECT_THAT(text, HasSubstr("  left-in: 6 of 1024 MiB each, in memory\n"));
  EXPECT_THAT(text, HasSubstr("  left-keys: 6 of 1024 MiB each, in memory; room for 24855 new keys "
                              "a second over 3h, at about 24 bytes each\n"));
  EXPECT_THAT(text, HasSubstr("  right: 6 of 1024 MiB each, in memory; room for 2983 rows a second "
                              "over 3h, at about 200 bytes each\n"));
  EXPECT_THAT(text,
              HasSubstr("\ntransform of orders\n  drops rows whose  count came before, within "
                        "3h\n  sends each row on to the shard of its  id\n"));
  EXPECT_THAT(text, HasSubstr("\njoin\n"
                              "  left   orders by id; a row waits for its partner for 1h\n"
                              "  right  refunds by order_id; a row can be a partner for 2h\n"
                              "  a left row without a partner is sent with nulls when its time is "
                              "over\n"
                              "  a side that is more than 10m ahead of the other waits\n"
                              "  Kafka's offset is committed when a row is taken in\n"
                              "  makes\n"
                              "    amount  float64   amount of orders\n"
                              "    why     string    reason of refunds\n"));
  const std::string json = DescribePlanAsJson(spec, MakePlan(spec), 4);
  EXPECT_TRUE(ReadPipeline(json).faults.at(0).message.find("not valid JSON") == std::string::npos);
  EXPECT_THAT(json, HasSubstr(R"("join": {"left": {"source_id": "orders", "key": "id", )"
                              R"("window": "1h", "dedup": {"filter": null)"));
  EXPECT_THAT(json, HasSubstr(R"("shuffle_key": "id")"));
  EXPECT_THAT(json, HasSubstr(R"("sends_unmatched": true, "max_skew": "10m")"));
  EXPECT_THAT(json,
              HasSubstr(R"("source_id": "refunds", "field": "reason", "column": {"name": "why")"));
  EXPECT_THAT(json, HasSubstr(R"({"hop": "left-keys", "count": 6)"));
}

TEST(PlannerTest, StreamsInFrontOfAJoinHoldItsWindows) {
  PipelineSpec spec = Parse(kEverything);
  spec.resources.nats.max_bytes = 1;
  constexpr std::uint64_t kHourOfRows = 3600ULL * 1125 * kKeptRowBytes;
  EXPECT_EQ(StreamBytes(spec, Hop::kLeft), kHourOfRows);
  EXPECT_EQ(StreamBytes(spec, Hop::kRight), 3 * kHourOfRows) << "the left window and its own";
  EXPECT_EQ(StreamBytes(spec, Hop::kLeftKeys), 3600ULL * 1125 * kKeyLogEntryBytes);
  EXPECT_EQ(StreamBytes(spec, Hop::kLeftIn), 1U);
  EXPECT_EQ(StreamBytes(spec, Hop::kOut), 1U);
  spec.resources.nats.max_bytes = 1ULL << 40;
  for (const Hop hop : {Hop::kLeftIn, Hop::kLeft, Hop::kRight, Hop::kLeftKeys, Hop::kOut}) {
    EXPECT_EQ(StreamBytes(spec, hop), 1ULL << 40) << "what the document gives, where that is more";
  }
}

TEST(PlannerTest, KeysOfOtherTypesAreComparedAsTexts) {
  PipelineSpec spec = Parse(kEverything);
  EXPECT_FALSE(MakePlan(spec).join->keys_as_text);
  SchemaField& key =
      *std::ranges::find(spec.sources[1].schema_fields, "order_id", &SchemaField::name);
  key.type = FieldType::kInt64;
  key.declared_type = "int64";
  const PipelinePlan plan = MakePlan(spec);
  EXPECT_TRUE(plan.join->keys_as_text);
  // A side whose dedup has another key is routed by that, and shuffled behind it.
  for (std::size_t i = 0; i < 2; ++i) {
    const JoinSidePlan& side = i == 0 ? plan.join->left : plan.join->right;
    EXPECT_EQ(plan.sources[i].route_as_text, !side.shuffled);
    if (side.shuffled) {
      EXPECT_TRUE(side.dedup->shuffle_as_text);
    }
  }
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
  EXPECT_THAT(text, HasSubstr("parts: at most 12 a second for blocks by age"));
  EXPECT_THAT(text, HasSubstr("and 1 for each 100000 rows of full blocks"));
  const std::string json = DescribePlanAsJson(spec, MakePlan(spec), 4);
  EXPECT_TRUE(ReadPipeline(json).faults.at(0).message.find("not valid JSON") == std::string::npos);
  EXPECT_THAT(json, HasSubstr(R"("parts_per_second_by_age": 12,)"));
  EXPECT_THAT(json,
              HasSubstr(R"("streams": [{"hop": "in", "count": 12, "max_bytes": 357913941}])"));
}

}  // namespace
}  // namespace penstock::config
