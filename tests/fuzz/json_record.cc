#include "fuzz/json_record.h"

#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "json/record_parser.h"
#include "json/token_cursor.h"
#include "support/json_oracle.h"

namespace penstock::json {
namespace {

PlannedField FieldOf(std::string_view name, FieldType type, PhysicalType physical) {
  PlannedField field;
  field.name = std::string(name);
  field.type = type;
  field.physical = physical;
  field.optional = true;
  return field;
}

// Every kind of field, names that are prefixes of each other, a default, an unsent one. All can
// be missing, so that short inputs reach the values.
SourcePlan WidePlan() {
  SourcePlan plan;
  plan.fields = {FieldOf("s", FieldType::kString, PhysicalType::kString),
                 FieldOf("i", FieldType::kInt32, PhysicalType::kInt64),
                 FieldOf("u", FieldType::kUint64, PhysicalType::kUint64),
                 FieldOf("f", FieldType::kFloat32, PhysicalType::kFloat64),
                 FieldOf("b", FieldType::kBool, PhysicalType::kBool),
                 FieldOf("list", FieldType::kArray, PhysicalType::kJson),
                 FieldOf("map", FieldType::kMap, PhysicalType::kJson),
                 FieldOf("map.a", FieldType::kInt64, PhysicalType::kInt64),
                 FieldOf("map.b.c", FieldType::kString, PhysicalType::kString),
                 FieldOf("exact", FieldType::kFloat64, PhysicalType::kJson),
                 FieldOf("raw", FieldType::kString, PhysicalType::kJson),
                 FieldOf("whole", FieldType::kInt64, PhysicalType::kInt64),
                 FieldOf("d", FieldType::kUint8, PhysicalType::kUint64),
                 FieldOf("checked", FieldType::kBool, PhysicalType::kBool),
                 FieldOf("a\"\\b", FieldType::kString, PhysicalType::kString)};
  plan.fields[11].drop_fraction = true;
  plan.fields[12].default_json = "7";
  plan.fields[13].sent = false;
  return plan;
}

SourcePlan StrictPlan() {
  SourcePlan plan = WidePlan();
  plan.fields.resize(3);
  for (PlannedField& field : plan.fields) field.optional = false;
  return plan;
}

void CheckAgainstOracle(RecordParser& parser, const SourcePlan& plan, std::string_view record) {
  using Verdict = testing::ExpectedRecord::Verdict;
  const auto got = parser.Parse(record);
  // The oracle's own bound is higher.
  if (!got.ok() && got.error().detail.find("nested too deeply") != std::string::npos) {
    return PENSTOCK_CHECK(record.size() > TokenCursor::kMaxDepth, "that is not deep");
  }
  const testing::ExpectedRecord want = testing::Expect(plan, record);
  if (!got.ok()) {
    const Error& error = got.error();
    PENSTOCK_CHECK(error.remedy == Remedy::kDeadLetter, error.detail);
    PENSTOCK_CHECK((error.code == "parse_error") == (want.verdict == Verdict::kParseError),
                   error.detail);
    return PENSTOCK_CHECK(
        (error.code == "schema_mismatch") == (want.verdict == Verdict::kSchemaMismatch),
        error.detail);
  }
  PENSTOCK_CHECK(want.verdict == Verdict::kCells, "the oracle refuses this record");
  PENSTOCK_CHECK(got.value().size() == want.cells.size(), "one cell a sent field");
  for (std::size_t i = 0; i < want.cells.size(); ++i) {
    const std::string shown = testing::ShowCell(got.value()[i]);
    PENSTOCK_CHECK(shown == want.cells[i], fmt::format("{} instead of {}", shown, want.cells[i]));
  }
}

// A record's length in memory is exactly its own: a sanitizer sees one byte too many.
void CheckExactlySized(RecordParser& parser, const SourcePlan& plan, std::string_view record) {
  const std::vector<char> copy(record.begin(), record.end());
  CheckAgainstOracle(parser, plan, {copy.data(), copy.size()});
}

struct Subject {
  SourcePlan plan;
  RecordParser parser;
  explicit Subject(SourcePlan of) : plan(std::move(of)), parser(Make(plan)) {}
  static RecordParser Make(const SourcePlan& plan) {
    auto made = RecordParser::Make(plan);
    PENSTOCK_CHECK(made.ok(), "the plan is good");
    return std::move(made).value();
  }
};

}  // namespace
}  // namespace penstock::json

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace penstock::json;  // NOLINT(google-build-using-namespace)
  // Kept from input to input on purpose: what one leaves behind must not show in the next.
  static Subject wide(WidePlan());
  static Subject strict(StrictPlan());
  const std::string_view record(reinterpret_cast<const char*>(data), size);
  CheckExactlySized(wide.parser, wide.plan, record);
  CheckExactlySized(strict.parser, strict.plan, record);
  CheckExactlySized(strict.parser, strict.plan, R"({"s":"\u0041","x":[{}],"i":-1,"u":1})");
  return 0;
}
