#include "ctl/test_command.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/pipeline.h"
#include "config/planner.h"
#include "ctl/build.h"
#include "ctl/test_cases.h"
#include "ctl/test_runner.h"

namespace penstock::ctl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::internal::CaptureStderr;
using testing::internal::CaptureStdout;
using testing::internal::GetCapturedStderr;
using testing::internal::GetCapturedStdout;

constexpr std::string_view kHead = R"(pipeline_id: orders
sources:
  - type: kafka
    source_id: orders
    topic: orders
    connection_params: {brokers: ["localhost:9092"], protocol: PLAINTEXT, mechanism: NO_AUTH}
    schema_fields:
      - {name: id, type: string}
      - {name: amount, type: float}
      - {name: note, type: string, optional: true}
)";
constexpr std::string_view kTransforms = R"(transforms:
  - {type: filter, source_id: orders, config: {expression: amount > 1}}
  - {type: dedup, source_id: orders, config: {key: id, time_window: 1h}}
  - type: stateless
    source_id: orders
    config:
      transforms:
        - {expression: upper(id), output_name: ID, output_type: string}
        - {expression: amount * 2, output_name: twice, output_type: float64}
        - {expression: "note ?? nil", output_name: note, output_type: any}
        - {expression: now().Year(), output_name: year, output_type: int}
)";
constexpr std::string_view kSink = R"(sink:
  type: clickhouse
  connection_params: {host: localhost, database: d, username: u, password: "${NOT_SET_ANYWHERE}"}
  table: orders
)";

PipelineSpec SpecOf(const std::string& document) {
  config::ParseOptions options;
  options.environment = [](const std::string&) { return std::optional<std::string>("x"); };
  auto spec = config::ParsePipeline(document, options);
  EXPECT_TRUE(spec.ok()) << spec.error().detail;
  return spec.ok() ? std::move(spec).value() : PipelineSpec{};
}

PipelineSpec Transforming() {
  return SpecOf(std::string(kHead) + std::string(kTransforms) + std::string(kSink));
}

// The differences of the only case of `text`, which is below "tests:".
std::vector<std::string> Differences(const PipelineSpec& spec, const std::string& text) {
  const TestCases cases = ReadTestCases("tests:\n" + text);
  EXPECT_EQ(config::FaultsAsText(cases.faults, ""), "");
  if (cases.cases.size() != 1) return {"not one case"};
  const auto differences = RunCase(spec, config::MakePlan(spec), cases.cases[0]);
  EXPECT_TRUE(differences.ok()) << differences.error().detail;
  return differences.ok() ? differences.value() : std::vector<std::string>{"failed"};
}

TEST(RunCase, EveryFateIsCounted) {
  EXPECT_THAT(Differences(Transforming(), R"(
  - name: all of them
    now: "2031-05-05T00:00:00Z"
    input:
      - {value: {id: a, amount: 5, note: hi}}
      - {value: {id: b, amount: 0.5}}
      - {value: {id: a, amount: 7}}
      - {value: '{"id": "c", "amount": '}
      - {value: {id: 17, amount: 7}}
      - {}
    expect:
      rows: [{ID: A, twice: 10, note: hi, year: 2031}]
      exact: true
      filtered: 1
      duplicates: 1
      dead_letters: [{reason: parse_error}, {reason: schema_mismatch, error: "'id'"}, {reason: parse_error}]
)"),
              ElementsAre());
}

PipelineSpec Joining(std::string_view kind) {
  return SpecOf(fmt::format(R"(
pipeline_id: joining
sources:
  - &people
    type: kafka
    source_id: clicks
    topic: clicks
    connection_params: {{brokers: ["k:9092"], protocol: PLAINTEXT, mechanism: NO_AUTH}}
    schema_fields: [{{name: id, type: string}}, {{name: page, type: string}}]
  - type: kafka
    source_id: users
    topic: users
    connection_params: {{brokers: ["k:9092"], protocol: PLAINTEXT, mechanism: NO_AUTH}}
    schema_fields: [{{name: id, type: string}}, {{name: name, type: string}}]
transforms:
  - {{type: dedup, source_id: clicks, config: {{key: page, time_window: 1h}}}}
  - {{type: filter, source_id: join, config: {{expression: 'page != "/health"'}}}}
join:
  enabled: true
  type: temporal
  kind: {}
  left_source: {{source_id: clicks, key: id, time_window: 10m}}
  right_source: {{source_id: users, key: id, time_window: 1h}}
  output_fields:
    - {{source_id: clicks, name: page}}
    - {{source_id: users, name: name, output_name: who}}
sink:
  type: clickhouse
  connection_params: {{host: c, port: "9000", http_port: "8123", database: d, username: u, password: p}}
  table: t
  max_batch_size: 1000
  mapping:
    - {{name: page, column_name: page, column_type: String}}
    - {{name: who, column_name: who, column_type: Nullable(String)}}
)",
                            kind));
}

constexpr std::string_view kVisits = R"(
  - name: visits
    input:
      - {source: clicks, timestamp: "2026-01-01T10:00:00Z", value: {id: "1", page: /a}}
      - {source: users, timestamp: "2026-01-01T10:05:00Z", value: {id: "1", name: Ann}}
      - {source: clicks, timestamp: "2026-01-01T10:06:00Z", value: {id: "1", page: /b}}
      - {source: clicks, timestamp: "2026-01-01T10:06:00Z", value: {id: "1", page: /a}}
      - {source: clicks, timestamp: "2026-01-01T10:06:00Z", value: {id: "1", page: /health}}
      - {source: clicks, timestamp: "2026-01-01T10:07:00Z", value: {id: "2", page: /c}}
      - {source: users, timestamp: "2026-01-01T10:30:00Z", value: {id: "2", name: Bob}}
    expect:
      duplicates: 1
      filtered: 1
      rows: )";

TEST(RunCase, TwoSourcesAreJoinedInTime) {
  EXPECT_THAT(Differences(Joining("inner"),
                          std::string(kVisits) + "[{page: /a, who: Ann}, {page: /b, who: Ann}]\n"),
              ElementsAre());
}

TEST(RunCase, InTheEndEveryWindowOfAnOuterJoinIsOver) {
  EXPECT_THAT(
      Differences(Joining("left"),
                  std::string(kVisits) +
                      "[{page: /a, who: Ann}, {page: /b, who: Ann}, {page: /c, who: null}]\n"),
      ElementsAre());
}

TEST(RunCase, ARecordOfAJoinNamesItsSource) {
  const TestCases cases = ReadTestCases(R"(
tests:
  - {name: one, input: [{source: nobody, value: {id: "1"}}], expect: {rows: []}}
)");
  const PipelineSpec spec = Joining("inner");
  const auto differences = RunCase(spec, config::MakePlan(spec), cases.cases.at(0));
  ASSERT_FALSE(differences.ok());
  EXPECT_EQ(differences.error().detail,
            "case \"one\", input[0].source: must be one of clicks, users");
}

TEST(RunCase, DifferencesSayWhatWasExpectedAndWhatCame) {
  EXPECT_THAT(
      Differences(Transforming(), R"(
  - name: wrong everywhere
    input:
      - {value: {id: a, amount: 5, note: hi}}
      - {value: {id: b, amount: 5}}
      - {value: {id: c}}
    expect:
      rows: [{ID: a, twice: 10.0, other: 1}]
      filtered: 2
      dead_letters: [{reason: schema_mismatch, error: nothing like it}, {reason: parse_error}]
)"),
      ElementsAre(
          R"(rows[0].ID: expected "a", got "A")", "rows[0].other: expected 1, got null",
          AllOf(HasSubstr("rows[1]: expected no such row, got {"), HasSubstr(R"("ID":"B")")),
          "filtered: expected 2, got 0",
          HasSubstr("dead_letters[0].error: expected a text with \"nothing like it\", got: "),
          "dead_letters[1]: expected parse_error, got no such dead letter"));
}

TEST(RunCase, OtherFieldsCountOnlyWhenExact) {
  const std::string input = R"(
  - name: fields
    input: [{value: {id: a, amount: 5, note: hi}}]
    expect: {rows: [{ID: A}])";
  EXPECT_THAT(Differences(Transforming(), input + "}\n"), ElementsAre());
  EXPECT_THAT(Differences(Transforming(), input + ", exact: true}\n"),
              testing::Contains(R"(rows[0].note: expected null, got "hi")"));
}

TEST(RunCase, AnUnexpectedDeadLetterFails) {
  EXPECT_THAT(Differences(Transforming(), R"(
  - name: quiet
    input: [{value: "no json"}]
    expect: {}
)"),
              ElementsAre(HasSubstr("expected no such dead letter, got parse_error: ")));
}

TEST(RunCase, TheWindowIsByKafkasTimesAndTheSamePlaceIsTheSameRecord) {
  EXPECT_THAT(Differences(Transforming(), R"(
  - name: window
    input:
      - {timestamp: 0, partition: 1, value: {id: a, amount: 5}}
      - {timestamp: "1970-01-01T00:59:00Z", partition: 2, value: {id: a, amount: 5}}
      - {timestamp: 0, partition: 1, offset: 0, value: {id: a, amount: 5}}
      - {timestamp: "1970-01-01T02:00:00Z", partition: 1, value: {id: a, amount: 5}}
    expect: {rows: [{}, {}, {}], duplicates: 1}
)"),
              ElementsAre());
}

TEST(RunCase, APipelineWithoutTransformsPassesFieldsAndMetadata) {
  const PipelineSpec spec = SpecOf(std::string(kHead) + std::string(kSink) +
                                   "  mapping:\n"
                                   "    - {name: id, column_name: id}\n"
                                   "    - {name: amount, column_name: a}\n"
                                   "    - {name: _key, column_name: k}\n"
                                   "    - {name: _headers, column_name: h}\n");
  EXPECT_THAT(Differences(spec, R"(
  - name: as it came
    input: [{key: k1, headers: {trace: abc, n: 1}, value: {id: a, amount: 5, note: hi}}]
    expect:
      rows: [{id: a, amount: 5, _key: k1, _headers: {n: "1", trace: abc}}]
      exact: true
)"),
              ElementsAre());
}

// Only a member is declared, and an expression reads the object around it.
TEST(RunCase, AnObjectIsWholeThoughOnlyAMemberIsDeclared) {
  const PipelineSpec spec = SpecOf(R"(pipeline_id: orders
sources:
  - type: kafka
    source_id: orders
    topic: orders
    connection_params: {brokers: ["localhost:9092"], protocol: PLAINTEXT, mechanism: NO_AUTH}
    schema_fields: [{name: user.id, type: int}]
transforms:
  - type: stateless
    source_id: orders
    config:
      transforms:
        - {expression: user.id, output_name: id, output_type: int}
        - {expression: keys(user), output_name: keys, output_type: array}
        - {expression: "user?.mail", output_name: mail, output_type: string}
)" + std::string(kSink));
  EXPECT_THAT(Differences(spec, R"(
  - name: nested and literal
    input:
      - {value: {user: {id: 1, mail: a@b.c}}}
      - {value: {user.id: 2, user: {mail: d@e.f}}}
      - {value: {user.id: 3}}
    expect:
      rows:
        - {id: 1, keys: [id, mail], mail: a@b.c}
        - {id: 2, keys: [mail], mail: d@e.f}
        - {id: 3, keys: [], mail: ""}
)"),
              ElementsAre());
}

TEST(ReadTestCases, EveryFaultHasItsLine) {
  const TestCases cases = ReadTestCases(R"(tests:
  - name: one
    input:
      - {valeu: {}}
      - {timestamp: yesterday}
    expect: {rows: [1], filtered: -1, dead_letters: [{reason: because}]}
  - name: one
    input: []
)");
  std::vector<std::string> places;
  for (const config::Fault& fault : cases.faults) {
    places.push_back(fmt::format("{}:{}", fault.line, fault.path));
  }
  EXPECT_THAT(places, ElementsAre("4:tests[0].input[0].valeu", "5:tests[0].input[1].timestamp",
                                  "6:tests[0].expect.rows[0]", "6:tests[0].expect.filtered",
                                  "6:tests[0].expect.dead_letters[0].reason", "7:tests[1].expect",
                                  "7:tests[1].name"));
  EXPECT_THAT(config::FaultsAsText(cases.faults, ""), HasSubstr("did you mean \"value\"?"));
}

// A folder of the test's own, gone with it.
class Folder {
 public:
  Folder()
      : path_(std::filesystem::temp_directory_path() /
              ("penstock-test-command-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

struct Outcome {
  int code = 0;
  std::string out;
  std::string err;
};

Outcome Penstock(std::vector<std::string_view> args) {
  CaptureStdout();
  CaptureStderr();
  Outcome outcome;
  outcome.code = RunPenstock(args);
  outcome.out = GetCapturedStdout();
  outcome.err = GetCapturedStderr();
  return outcome;
}

TEST(TestCommand, OneLineACaseAndTheCodeSaysWhetherAllPass) {
  const Folder folder;
  const std::string pipeline = folder.Write(
      "orders.yaml", std::string(kHead) + std::string(kTransforms) + std::string(kSink));
  const std::string good = R"(tests:
  - name: big ones stay
    input: [{value: {id: a, amount: 5}}]
    expect: {rows: [{ID: A}]}
)";
  const std::string bad = R"(  - name: small ones too
    input: [{value: {id: a, amount: 1}}]
    expect: {rows: [{ID: A}]}
)";
  const std::string cases = folder.Write("orders.tests.yaml", good);
  Outcome outcome = Penstock({"test", pipeline});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "ok    big ones stay\n1 of 1 cases passed\n");

  const std::string other = folder.Write("other.yaml", good + bad);
  outcome = Penstock({"test", pipeline, other});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.out, "ok    big ones stay\nFAIL  small ones too  (" + other +
                             ":5)\n      rows[0]: expected {\"ID\":\"A\"}, got no such row\n"
                             "1 of 2 cases passed\n");

  const std::string faulty = folder.Write("faulty.yaml", "tests:\n  - nmae: x\n");
  outcome = Penstock({"test", pipeline, faulty});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr(faulty + ":2:5: tests[0].nmae"));
  outcome = Penstock({"test", folder.Write("bad.yaml", "pipeline_id: x\n"), cases});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("bad.yaml:1:"));
  outcome = Penstock({"test", pipeline, "/nowhere.yaml"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("/nowhere.yaml: cannot be read"));
}

}  // namespace
}  // namespace penstock::ctl
