#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/fault.h"
#include "config/node.h"

namespace penstock::ctl {

/// A record of a case's input.
struct CaseRecord {
  std::string source;                ///< Of a pipeline with two: the source that it comes from.
  std::optional<std::string> value;  ///< nullopt: a tombstone.
  std::optional<std::string> key;
  std::int64_t timestamp_ms = 0;
  std::int32_t partition = 0;
  std::optional<std::int64_t> offset;  ///< nullopt: the one after the record before.
  std::map<std::string, std::string> headers;
};

struct ExpectedLetter {
  std::string reason;
  std::string error;  ///< Part of the sentence; empty: any.
};

/// What is left out is not compared; dead letters are: without a list there are none.
struct Expectation {
  std::optional<std::vector<config::Node>> rows;
  bool exact = false;  ///< A row has no other fields than those listed.
  std::optional<std::int64_t> filtered;
  std::optional<std::int64_t> duplicates;
  std::vector<ExpectedLetter> dead_letters;
};

struct TestCase {
  std::string name;
  int line = 0;
  std::optional<std::int64_t> now_ms;  ///< What `now()` gives.
  std::vector<CaseRecord> input;
  Expectation expect;
};

struct TestCases {
  std::vector<TestCase> cases;
  std::vector<config::Fault> faults;  ///< Of the file; empty: the cases may run.
};

/// Reads the cases of a pipeline, YAML or JSON (docs/testing-pipelines.md).
TestCases ReadTestCases(std::string_view text);

}  // namespace penstock::ctl
