#include "ctl/test_runner.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <span>
#include <utility>

#include "base/format.h"
#include "base/text.h"
#include "ctl/join_trial.h"
#include "ctl/record_trial.h"
#include "model/row_json.h"

namespace penstock::ctl {

namespace {

using config::Node;

// A case's own time, where it has one.
class CaseClock final : public Clock {
 public:
  explicit CaseClock(std::optional<std::int64_t> wall_ms) : wall_ms_(wall_ms) {}
  Time Now() const override { return SystemClock().Now(); }
  std::int64_t WallMs() const override { return wall_ms_.value_or(SystemClock().WallMs()); }

 private:
  const std::optional<std::int64_t> wall_ms_;
};

/// One record, as a consumer would hand it out.
class CaseChunk final : public io::RecordChunk {
 public:
  CaseChunk(const CaseRecord& record, Offset offset) : record_(record) {
    kafka_.offset = offset;
    kafka_.timestamp_ms = record.timestamp_ms;
    if (record.key) kafka_.key = *record.key;
    if (record.value) kafka_.value = *record.value;
    kafka_.has_value = record.value.has_value();
  }
  std::int32_t partition() const override { return record_.partition; }
  std::span<const io::Record> records() const override { return {&kafka_, 1}; }
  std::size_t bytes() const override { return 0; }
  std::string HeadersJson(std::size_t) const override {
    std::string out = "{";
    for (const auto& [name, value] : record_.headers) {
      if (out.size() > 1) out += ',';
      AppendJsonString(out, name);
      out += ':';
      AppendJsonString(out, value);
    }
    return out + "}";
  }

 private:
  const CaseRecord& record_;
  io::Record kafka_;
};

/// What became of a case's records.
struct Results {
  std::vector<std::string> rows;  ///< As JSON.
  std::int64_t filtered = 0;
  std::int64_t duplicates = 0;
  std::vector<RecordTrial::Fate> letters;

  void Add(RecordTrial::Fate fate) {
    switch (fate.outcome) {
      case Outcome::kRow:
        rows.push_back(RowAsJson(fate.Views(), 0));
        break;
      case Outcome::kFiltered:
        ++filtered;
        break;
      case Outcome::kDuplicate:
        ++duplicates;
        break;
      case Outcome::kDeadLetter:
        letters.push_back(std::move(fate));
        break;
    }
  }
};

bool IsNumber(const Node& node) {
  return node.kind == Node::Kind::kInt || node.kind == Node::Kind::kFloat;
}

// As JSON values: 1 is 1.0, and the order of an object's members does not matter.
bool Equal(const Node& a, const Node& b) {
  if (IsNumber(a) && IsNumber(b)) {
    if (a.kind == Node::Kind::kInt && b.kind == Node::Kind::kInt) return a.text == b.text;
    return std::strtod(a.text.c_str(), nullptr) == std::strtod(b.text.c_str(), nullptr);
  }
  if (a.kind != b.kind) return false;
  if (a.is_scalar()) return a.kind == Node::Kind::kNull || a.text == b.text;
  if (a.kind == Node::Kind::kList) return std::ranges::equal(a.children, b.children, Equal);
  return a.children.size() == b.children.size() &&
         std::ranges::all_of(a.children, [&](const Node& member) {
           const Node* const other = b.Find(member.key);
           return other != nullptr && Equal(member, *other);
         });
}

bool IsNothing(const Node* node) {
  return node == nullptr || node->kind == Node::Kind::kNull;
}

std::string Shown(const Node* node) {
  return IsNothing(node) ? "null" : config::ToJson(*node);
}

void CompareRow(const Node& expected, const std::string& json, bool exact, const std::string& path,
                std::vector<std::string>& differences) {
  std::vector<config::Fault> faults;
  const Node got = config::ParseNode(json, faults).value_or(Node{});
  const auto differ = [&](const std::string& field, const Node* wanted, const Node* found) {
    if (IsNothing(wanted) && IsNothing(found)) return;
    if (wanted != nullptr && found != nullptr && Equal(*wanted, *found)) return;
    differences.push_back(
        fmt::format("{}.{}: expected {}, got {}", path, field, Shown(wanted), Shown(found)));
  };
  for (const Node& field : expected.children) differ(field.key, &field, got.Find(field.key));
  if (!exact) return;
  for (const Node& field : got.children) {
    if (expected.Find(field.key) == nullptr) differ(field.key, nullptr, &field);
  }
}

void CompareRows(const Expectation& expect, const Results& got,
                 std::vector<std::string>& differences) {
  const std::vector<Node>& expected = *expect.rows;
  for (std::size_t i = 0; i < std::max(expected.size(), got.rows.size()); ++i) {
    const std::string path = fmt::format("rows[{}]", i);
    if (i >= got.rows.size()) {
      differences.push_back(
          fmt::format("{}: expected {}, got no such row", path, config::ToJson(expected[i])));
    } else if (i >= expected.size()) {
      differences.push_back(fmt::format("{}: expected no such row, got {}", path, got.rows[i]));
    } else {
      CompareRow(expected[i], got.rows[i], expect.exact, path, differences);
    }
  }
}

void CompareLetters(const Expectation& expect, const Results& got,
                    std::vector<std::string>& differences) {
  const auto& expected = expect.dead_letters;
  for (std::size_t i = 0; i < std::max(expected.size(), got.letters.size()); ++i) {
    const std::string path = fmt::format("dead_letters[{}]", i);
    if (i >= got.letters.size()) {
      differences.push_back(
          fmt::format("{}: expected {}, got no such dead letter", path, expected[i].reason));
      continue;
    }
    const RecordTrial::Fate& letter = got.letters[i];
    if (i >= expected.size()) {
      differences.push_back(fmt::format("{}: expected no such dead letter, got {}: {}", path,
                                        letter.reason, letter.error));
    } else if (letter.reason != expected[i].reason) {
      differences.push_back(fmt::format("{}.reason: expected {}, got {}: {}", path,
                                        expected[i].reason, letter.reason, letter.error));
    } else if (letter.error.find(expected[i].error) == std::string::npos) {
      differences.push_back(fmt::format("{}.error: expected a text with \"{}\", got: {}", path,
                                        expected[i].error, letter.error));
    }
  }
}

void CompareCount(std::string_view name, const std::optional<std::int64_t>& expected,
                  std::int64_t got, std::vector<std::string>& differences) {
  if (!expected || *expected == got) return;
  differences.push_back(fmt::format("{}: expected {}, got {}", name, *expected, got));
}

/// Gives the records of a case their offsets.
class OffsetsOfCase {
 public:
  Offset Of(const CaseRecord& record) {
    std::int64_t& next = next_[{record.source, record.partition}];
    const Offset offset(record.offset.value_or(next));
    next = offset.rep() + 1;
    return offset;
  }

 private:
  std::map<std::pair<std::string, std::int32_t>, std::int64_t> next_;
};

Status CheckSources(const PipelineSpec& spec, const TestCase& test) {
  for (std::size_t i = 0; i < test.input.size(); ++i) {
    const std::string& source = test.input[i].source;
    if (source.empty() && spec.sources.size() == 1) continue;
    if (std::ranges::find(spec.sources, source, &SourceSpec::source_id) != spec.sources.end()) {
      continue;
    }
    std::vector<std::string> ids;
    for (const SourceSpec& of : spec.sources) ids.push_back(of.source_id);
    return Error{Remedy::kStop, "config",
                 fmt::format("case \"{}\", input[{}].source: must be one of {}", test.name, i,
                             fmt::join(ids, ", "))};
  }
  return Done{};
}

Result<Results> RunOneSource(const PipelineSpec& spec, const PipelinePlan& plan,
                             const TestCase& test, const Clock& clock) {
  PENSTOCK_RETURN_IF_ERROR(CheckSources(spec, test));
  PENSTOCK_ASSIGN_OR_RETURN(RecordTrial trial, RecordTrial::Make(spec, plan, 0, clock));
  Results results;
  OffsetsOfCase offsets;
  for (const CaseRecord& record : test.input) {
    const CaseChunk chunk(record, offsets.Of(record));
    PENSTOCK_ASSIGN_OR_RETURN(RecordTrial::Fate fate, trial.Take(chunk, 0));
    results.Add(std::move(fate));
  }
  return results;
}

Result<Results> RunJoin(const PipelineSpec& spec, const PipelinePlan& plan, const TestCase& test,
                        const Clock& clock) {
  PENSTOCK_RETURN_IF_ERROR(CheckSources(spec, test));
  PENSTOCK_ASSIGN_OR_RETURN(JoinTrial trial, JoinTrial::Make(spec, plan, clock));
  Results results;
  OffsetsOfCase offsets;
  for (const CaseRecord& record : test.input) {
    const CaseChunk chunk(record, offsets.Of(record));
    PENSTOCK_ASSIGN_OR_RETURN(auto fates, trial.Take(record.source, chunk, 0));
    for (RecordTrial::Fate& fate : fates) results.Add(std::move(fate));
  }
  PENSTOCK_ASSIGN_OR_RETURN(auto fates, trial.Finish());
  for (RecordTrial::Fate& fate : fates) results.Add(std::move(fate));
  return results;
}

}  // namespace

Result<std::vector<std::string>> RunCase(const PipelineSpec& spec, const PipelinePlan& plan,
                                         const TestCase& test) {
  const CaseClock clock(test.now_ms);
  PENSTOCK_ASSIGN_OR_RETURN(const Results results, plan.join
                                                       ? RunJoin(spec, plan, test, clock)
                                                       : RunOneSource(spec, plan, test, clock));
  std::vector<std::string> differences;
  if (test.expect.rows) CompareRows(test.expect, results, differences);
  CompareCount("filtered", test.expect.filtered, results.filtered, differences);
  CompareCount("duplicates", test.expect.duplicates, results.duplicates, differences);
  CompareLetters(test.expect, results, differences);
  return differences;
}

}  // namespace penstock::ctl
