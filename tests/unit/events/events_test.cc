#include "generate/events.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "generate/record_sequence.h"
#include "json/record_parser.h"

namespace penstock::events {
namespace {

constexpr Workload kAll[] = {Workload::kUsers, Workload::kLogs, Workload::kOrders};

std::string Event(Workload workload, std::uint64_t seed, std::uint64_t index) {
  std::string out;
  AppendEvent(workload, seed, index, out);
  return out;
}

FieldType TypeOf(std::string_view name) {
  if (name == "string") return FieldType::kString;
  if (name == "bool") return FieldType::kBool;
  if (name == "int64") return FieldType::kInt64;
  if (name == "array") return FieldType::kArray;
  if (name == "map") return FieldType::kMap;
  if (name == "float64") return FieldType::kFloat64;
  return FieldType::kUint64;
}

json::RecordParser ParserOf(Workload workload) {
  SourcePlan plan;
  for (const EventField& field : Fields(workload)) {
    PlannedField planned;
    planned.name = std::string(field.name);
    planned.type = TypeOf(field.type);
    planned.optional = field.optional;
    planned.physical = PhysicalType::kJson;
    plan.fields.push_back(planned);
  }
  auto parser = json::RecordParser::Make(plan);
  EXPECT_TRUE(parser.ok());
  return std::move(parser).value();
}

TEST(EventsTest, AnEventIsAFunctionOfSeedAndIndex) {
  for (const Workload workload : kAll) {
    EXPECT_EQ(Event(workload, 1, 77), Event(workload, 1, 77));
    EXPECT_NE(Event(workload, 1, 77), Event(workload, 2, 77));
  }
  // For ever: tables filled by an older version are compared with it.
  EXPECT_EQ(Event(Workload::kUsers, 1, 0),
            R"({"event_id":"7ff94720-93d0-82b5-b821-db7719cfc53c","user_id":44039,)"
            R"("name":"indigo apple","email":"indigo.apple.44039@mail-39.example",)"
            R"("created_at":"2025-01-01T00:00:00.000Z"})");
}

TEST(EventsTest, EveryEventHasTheDeclaredFieldsAndItsOwnId) {
  for (const Workload workload : kAll) {
    json::RecordParser parser = ParserOf(workload);
    std::set<std::string> ids;
    for (std::uint64_t i = 0; i < 2000; ++i) {
      const std::string event = Event(workload, 3, i);
      const auto cells = parser.Parse(event);
      ASSERT_TRUE(cells.ok()) << ToText(workload) << " " << i << ": " << cells.error().detail;
      const std::string id = EventId(workload, 3, i);
      EXPECT_EQ(cells.value()[0].text, '"' + id + '"');
      EXPECT_TRUE(ids.insert(id).second);
    }
  }
}

TEST(EventsTest, TheWorkloadsHaveTheirSizes) {
  const auto average = [](Workload workload) {
    std::size_t bytes = 0;
    for (std::uint64_t i = 0; i < 2000; ++i) bytes += Event(workload, 1, i).size();
    return static_cast<double>(bytes) / 2000;
  };
  EXPECT_NEAR(average(Workload::kUsers), 180, 15);
  EXPECT_NEAR(average(Workload::kLogs), 1350, 30);
  EXPECT_NEAR(average(Workload::kOrders), 500, 50);
  EXPECT_EQ(Fields(Workload::kUsers).size(), 5U);
  EXPECT_EQ(Fields(Workload::kLogs).size(), 25U);
}

TEST(RecordSequenceTest, CountsWhatItGives) {
  RecordSequence sequence({Workload::kUsers, 9, 10, 20});
  json::RecordParser parser = ParserOf(Workload::kUsers);
  std::set<std::string> events;
  std::string record;
  std::uint64_t bad = 0;
  for (int i = 0; i < 3000; ++i) {
    sequence.Next(record);
    if (parser.Parse(record).ok()) {
      events.insert(record);
    } else {
      ++bad;
    }
  }
  EXPECT_EQ(sequence.poison(), 300U);
  EXPECT_EQ(bad, sequence.poison());
  EXPECT_EQ(events.size(), sequence.distinct());
  EXPECT_NEAR(static_cast<double>(sequence.repeats()), 540, 80);
  EXPECT_TRUE(events.contains(Event(Workload::kUsers, 9, sequence.distinct() - 1)));
}

}  // namespace
}  // namespace penstock::events
