#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/pipeline_spec.h"

namespace penstock::testing {

/// Where the real servers of a test run are, from the variables that `deploy/local/stack env`
/// prints.
struct Servers {
  std::string kafka;
  std::string nats;
  ClickHouseConnection clickhouse;  ///< With the tests' own database, see ClickHouse.
  std::string stack_folder;

  /// Whether there are any; tests that need them are skipped without.
  static bool AreThere();
  static Servers FromEnvironment();
};

/// `deploy/local/stack WORDS… --dir <stack_folder>`, waiting until it is done: {"stop",
/// "clickhouse"}. Throws std::runtime_error when it fails.
void RunStack(const Servers& servers, std::vector<std::string> words);

/// Asks the real ClickHouse. The tables of tests are in a database of their own. Throws
/// std::runtime_error with ClickHouse's words. One thread.
class ClickHouse {
 public:
  static constexpr std::string_view kDatabase = "penstock_tests";

  explicit ClickHouse(const Servers& servers);

  /// The answer as ClickHouse gives it: lines of columns with tabs between.
  std::string Query(std::string_view sql) const;
  /// The same by line.
  std::vector<std::string> Lines(std::string_view sql) const;
  /// Of a query that answers with one number.
  std::uint64_t Number(std::string_view sql) const;

 private:
  ClickHouseConnection connection_;
};

}  // namespace penstock::testing
