#include "operators/batch_transform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "batch_fixture.h"
#include "state/memory_key_store.h"

namespace penstock::operators {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

BatchTransform::Output Apply(TransformPlan plan, People& people, state::KeyStore* store = nullptr) {
  auto transform = BatchTransform::Make(std::move(plan), store);
  EXPECT_TRUE(transform.ok()) << transform.error().detail;
  BatchTransform::Output output;
  const Status applied = std::move(transform).value().Apply(people.Input(), output);
  EXPECT_TRUE(applied.ok()) << applied.error().detail;
  return output;
}

TEST(BatchTransformTest, FilterDedupAndUpperAsTheReference) {
  People people;
  people.Row(0, 0, 100, 15, "alice").Row(0, 1, 100, 25, "bob").Row(0, 2, 100, 25, "bob");
  people.Row(0, 3, 100, 30, "charlie").Row(0, 4, 100, 10, "dave");
  TransformPlan plan = PeoplePlan();
  plan.filter = "id > 20";
  plan.outputs = {{.expression = "upper(name)", .output_name = "upper", .output_type = "string"}};
  plan.output = {FieldOf("upper", PhysicalType::kString)};
  plan.dedup_key = {"id"};
  plan.dedup_window = std::chrono::hours(1);
  state::MemoryKeyStore store;
  const auto output = Apply(plan, people, &store);
  EXPECT_EQ(Outcomes(output.batch.sections), "frdrf");
  EXPECT_THAT(Texts(output.batch.columns.at(0)), ElementsAre("BOB", "CHARLIE"));
  EXPECT_EQ(output.filtered, 2U);
  EXPECT_EQ(output.duplicates, 1U);
  EXPECT_EQ(output.first_rows.size(), 2U);
  EXPECT_EQ(output.batch.fingerprints, plan.fingerprints);
}

// The row that would have been the first of its key is a dead letter, so the next one is.
TEST(BatchTransformTest, ARowWhoseExpressionFailsIsNoFirstOfItsKey) {
  People people;
  people.Row(0, 7, 100, 1, "5")
      .Row(0, 8, 100, 1, "x")
      .Row(1, 3, 100, 2, "x")
      .Row(1, 9, 100, 2, "6");
  TransformPlan plan = PeoplePlan();
  plan.outputs = {{.expression = "int(name)", .output_name = "n", .output_type = "int"}};
  plan.output = {FieldOf("n", PhysicalType::kInt64)};
  plan.dedup_key = {"id"};
  plan.dedup_window = std::chrono::hours(1);
  state::MemoryKeyStore store;
  const auto output = Apply(plan, people, &store);
  EXPECT_EQ(Outcomes(output.batch.sections), "rllr");
  EXPECT_THAT(Integers(output.batch.columns.at(0)), ElementsAre(5, 6));
  ASSERT_EQ(output.letters.size(), 2U);
  const DeadLetter& letter = output.letters[1];
  EXPECT_EQ(letter.reason, DeadLetterReason::kExpressionError);
  EXPECT_THAT(letter.error, HasSubstr("int(name)"));
  EXPECT_EQ(letter.original_message, R"({"id":2,"name":"x"})");
  EXPECT_EQ(letter.origin, OriginOf(1));
  EXPECT_EQ(letter.offset, Offset(3));
  EXPECT_EQ(letter.timestamp_ms, 100);
}

TEST(BatchTransformTest, OutcomesOfEarlierStagesAndSectionsStay) {
  People people;
  people.Letter(0, 4).Row(0, 5, 100, 1, "a").Letter(0, 6).Row(2, 1, 100, 2, "b").Letter(2, 2);
  people.sections()[1].committed = Offset(1);
  TransformPlan plan = PeoplePlan();
  plan.filter = "id != 1";
  const auto output = Apply(plan, people);
  EXPECT_EQ(Outcomes(output.batch.sections), "lflrl");
  ASSERT_EQ(output.batch.sections.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(output.batch.sections[i].origin, people.sections()[i].origin);
    EXPECT_EQ(output.batch.sections[i].after, people.sections()[i].after);
    EXPECT_EQ(output.batch.sections[i].last, people.sections()[i].last);
    EXPECT_EQ(output.batch.sections[i].committed, people.sections()[i].committed);
    EXPECT_EQ(output.batch.sections[i].birth, 77U);
  }
}

TEST(BatchTransformTest, AMessageWithoutARowLeftKeepsItsSections) {
  People people;
  people.Row(0, 5, 100, 1, "a");
  TransformPlan plan = PeoplePlan();
  plan.filter = "false";
  const auto output = Apply(plan, people);
  EXPECT_EQ(output.batch.rows(), 0U);
  EXPECT_EQ(output.batch.columns.at(1).rows(), 0U);
  EXPECT_EQ(Outcomes(output.batch.sections), "f");
}

TEST(BatchTransformTest, ColumnsThatPassKeepNullsAndLeaveOutWhatTheFilterAloneNeeds) {
  People people;
  people.Row(0, 1, 100, 1, "a").Row(0, 2, 200, 2, "null").Row(0, 3, 300, 3, "c");
  TransformPlan plan = PeoplePlan();
  plan.filter = "id >= 2";
  plan.output = {FieldOf("name", PhysicalType::kString)};
  const auto output = Apply(plan, people);
  ASSERT_EQ(output.batch.columns.size(), 1U);
  EXPECT_THAT(Texts(output.batch.columns[0]), ElementsAre("(null)", "c"));
  EXPECT_THAT(output.batch.timestamps_ms, ElementsAre(200, 300));
}

TEST(BatchTransformTest, OutputsOfEveryTypeAndOfTwoByOneNameTheLast) {
  People people;
  people.Row(0, 1, 100, 4, "a");
  TransformPlan plan = PeoplePlan();
  plan.outputs = {
      {"id", "i", "int"},      {"id", "x", "string"},           {"id / 8", "f", "float64"},
      {"id > 3", "b", "bool"}, {"[name, id]", "list", "array"}, {"nil", "none", "map"},
      {"name", "x", "string"}};
  plan.output = {FieldOf("i", PhysicalType::kInt64),    FieldOf("x", PhysicalType::kString),
                 FieldOf("f", PhysicalType::kFloat64),  FieldOf("b", PhysicalType::kBool),
                 FieldOf("list", PhysicalType::kJson),  FieldOf("none", PhysicalType::kJson),
                 FieldOf("name", PhysicalType::kString)};
  const auto output = Apply(plan, people);
  const auto& columns = output.batch.columns;
  EXPECT_THAT(Integers(columns[0]), ElementsAre(4));
  EXPECT_THAT(Texts(columns[1]), ElementsAre("a"));
  EXPECT_EQ(columns[2].View().Fixed<double>(0), 0.5);
  EXPECT_EQ(columns[3].View().Fixed<std::uint8_t>(0), 1);
  EXPECT_THAT(Texts(columns[4]), ElementsAre(R"(["a",4])"));
  EXPECT_THAT(Texts(columns[5]), ElementsAre("(null)"));
  EXPECT_THAT(Texts(columns[6]), ElementsAre("a"));
}

TEST(BatchTransformTest, ADuplicateTakesItsOutputsAlong) {
  People people;
  people.Row(0, 1, 100, 1, "a").Row(0, 2, 100, 1, "b").Row(0, 3, 100, 2, "c");
  TransformPlan plan = PeoplePlan();
  plan.outputs = {{"name + \"!\"", "n", "string"}};
  plan.output = {FieldOf("n", PhysicalType::kString), FieldOf("id", PhysicalType::kInt64)};
  plan.dedup_key = {"id"};
  plan.dedup_window = std::chrono::hours(1);
  state::MemoryKeyStore store;
  const auto output = Apply(plan, people, &store);
  EXPECT_THAT(Texts(output.batch.columns[0]), ElementsAre("a!", "c!"));
  EXPECT_THAT(Integers(output.batch.columns[1]), ElementsAre(1, 2));
}

TEST(BatchTransformTest, ARowWithoutAKeyIsADeadLetter) {
  People people;
  people.Row(0, 1, 100, 1, "null").Row(0, 2, 100, 2, "").Row(0, 3, 100, 3, "");
  TransformPlan plan = PeoplePlan();
  plan.dedup_key = {"name"};
  plan.dedup_window = std::chrono::hours(1);
  state::MemoryKeyStore store;
  const auto output = Apply(plan, people, &store);
  EXPECT_EQ(Outcomes(output.batch.sections), "lrd") << "an empty key is a key";
  ASSERT_EQ(output.letters.size(), 1U);
  EXPECT_EQ(output.letters[0].reason, DeadLetterReason::kKeyMissing);
  EXPECT_THAT(output.letters[0].error, HasSubstr("name"));
}

TEST(BatchTransformTest, FaultsOfThePlanAndOfMessagesAreSaid) {
  TransformPlan plan = PeoplePlan();
  plan.filter = "id >";
  const auto refused = BatchTransform::Make(plan, nullptr);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, "config");
  EXPECT_THAT(refused.error().detail, HasSubstr("filter"));

  plan = PeoplePlan();
  plan.output.push_back(FieldOf("age", PhysicalType::kInt64));
  const auto unknown = BatchTransform::Make(plan, nullptr);
  ASSERT_FALSE(unknown.ok());
  EXPECT_THAT(unknown.error().detail, HasSubstr("age"));

  plan = PeoplePlan();
  plan.input.push_back(FieldOf("age", PhysicalType::kInt64));
  auto transform = BatchTransform::Make(plan, nullptr);
  ASSERT_TRUE(transform.ok());
  People people;
  people.Row(0, 1, 100, 1, "a");
  BatchTransform::Output output;
  const Status applied = std::move(transform).value().Apply(people.Input(), output);
  ASSERT_FALSE(applied.ok());
  EXPECT_EQ(applied.error().code, "corrupt");
  EXPECT_THAT(applied.error().detail, HasSubstr("age"));
}

TEST(BatchTransformTest, ARowThatCannotBeShuffledIsNoFirstOfItsKey) {
  People people;
  people.Row(0, 0, 100, 1, "null").Row(0, 1, 100, 1, "a").Row(0, 2, 100, 1, "null");
  people.Row(0, 3, 100, 1, "b");
  TransformPlan plan = PeoplePlan();
  plan.dedup_key = {"id"};
  plan.dedup_window = std::chrono::hours(1);
  plan.shuffle_key = "name";
  state::MemoryKeyStore store;
  const auto output = Apply(plan, people, &store);
  EXPECT_EQ(Outcomes(output.batch.sections), "lrld");
  ASSERT_EQ(output.letters.size(), 2U);
  EXPECT_EQ(output.letters[0].reason, DeadLetterReason::kKeyMissing);
  EXPECT_THAT(output.letters[0].error, HasSubstr("join key (name)"));
  EXPECT_EQ(output.letters[1].offset, Offset(2));
}

}  // namespace
}  // namespace penstock::operators
