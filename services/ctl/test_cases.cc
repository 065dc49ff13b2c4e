#include "ctl/test_cases.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "config/schema.h"
#include "config/time_text.h"
#include "model/dead_letter.h"

namespace penstock::ctl {

namespace {

using config::Node;
using config::Site;

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

bool ReadTime(const Site& site, std::int64_t& out) {
  const bool may_be = site.node.kind == Node::Kind::kText || site.node.kind == Node::Kind::kInt;
  const auto time = may_be ? config::ParseTimeMs(site.node.text) : std::nullopt;
  if (!time) {
    site.WrongKind("a time such as \"2024-03-15T10:00:00Z\", or milliseconds since 1970");
    return false;
  }
  out = *time;
  return true;
}

// Text as it is, which need not be JSON; anything else as JSON.
void ReadValue(const Site& site, CaseRecord& out) {
  out.value = site.node.kind == Node::Kind::kText ? site.node.text : config::ToJson(site.node);
}

template <typename T>
config::Field<T> Count(std::string name, std::optional<std::int64_t> T::*member) {
  return config::Custom<T>(std::move(name), "whole number, 0 or more",
                           [member](const Site& site, T& out) {
                             std::int64_t count = 0;
                             if (config::ReadInteger(site, 0, kMost, count)) out.*member = count;
                           });
}

const config::Schema<CaseRecord>& RecordSchema() {
  using R = CaseRecord;
  static const config::Schema<R> schema = {
      config::Text("source", &R::source),
      config::Custom<R>("value", "map, or text", ReadValue),
      config::Custom<R>("key", "text",
                        [](const Site& site, R& out) {
                          std::string key;
                          if (config::ReadText(site, key)) out.key = key;
                        }),
      config::Custom<R>("timestamp", "time",
                        [](const Site& site, R& out) { ReadTime(site, out.timestamp_ms); }),
      config::Integer("partition", &R::partition, 0, std::numeric_limits<std::int32_t>::max()),
      Count("offset", &R::offset),
      config::TextMap("headers", &R::headers),
  };
  return schema;
}

const config::Schema<ExpectedLetter>& LetterSchema() {
  using L = ExpectedLetter;
  static const config::Schema<L> schema = {
      config::Text("reason", &L::reason)
          .Required()
          .Check([](const L& letter) -> std::string {
            std::vector<std::string_view> reasons;
            for (std::size_t i = 0; i < kDeadLetterReasons; ++i) {
              reasons.push_back(ToText(static_cast<DeadLetterReason>(i)));
            }
            if (std::ranges::find(reasons, letter.reason) != reasons.end()) return "";
            return fmt::format("must be one of {}", fmt::join(reasons, ", "));
          })
          .Doc("Why the record is a dead letter."),
      config::Text("error", &L::error),
  };
  return schema;
}

void ReadRows(const Site& site, Expectation& out) {
  out.rows.emplace();
  config::ReadItems(site, [&](const Node& item, const std::string& path) {
    if (item.kind != Node::Kind::kMap) {
      Site{item, path, site.field, site.findings}.WrongKind("a map of fields");
    } else {
      out.rows->push_back(item);
    }
  });
}

const config::Schema<Expectation>& ExpectationSchema() {
  using E = Expectation;
  static const config::Schema<E> schema = {
      config::Custom<E>("rows", "list of maps", ReadRows),
      config::Bool("exact", &E::exact),
      Count("filtered", &E::filtered),
      Count("duplicates", &E::duplicates),
      config::List("dead_letters", &E::dead_letters, LetterSchema()),
  };
  return schema;
}

const config::Schema<TestCase>& CaseSchema() {
  using C = TestCase;
  static const config::Schema<C> schema = {
      config::Text("name", &C::name).Required().Doc("What the case shows."),
      config::Custom<C>("now", "time",
                        [](const Site& site, C& out) {
                          std::int64_t now = 0;
                          if (ReadTime(site, now)) out.now_ms = now;
                        }),
      config::List("input", &C::input, RecordSchema()).Required().Doc("The records."),
      config::Object("expect", &C::expect, ExpectationSchema())
          .Required()
          .Doc("What becomes of them."),
  };
  return schema;
}

void ReadCases(const Site& site, TestCases& out) {
  std::set<std::string> names;
  config::ReadItems(site, [&](const Node& item, const std::string& path) {
    TestCase& one = out.cases.emplace_back();
    one.line = item.mark.line;
    CaseSchema().Read(item, path, site.findings, one);
    if (!one.name.empty() && !names.insert(one.name).second) {
      site.findings.AddFault(item.mark, path + ".name", "another case has this name");
    }
  });
}

const config::Schema<TestCases>& FileSchema() {
  static const config::Schema<TestCases> schema = {
      config::Custom<TestCases>("tests", "list", ReadCases).Required().Doc("The cases."),
  };
  return schema;
}

}  // namespace

TestCases ReadTestCases(std::string_view text) {
  TestCases out;
  const std::optional<Node> root = config::ParseNode(text, out.faults);
  if (!root) return out;
  config::Findings findings;
  FileSchema().Read(*root, "", findings, out);
  std::ranges::move(findings.faults, std::back_inserter(out.faults));
  return out;
}

}  // namespace penstock::ctl
