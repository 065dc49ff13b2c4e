#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "clickhouse/client.h"

namespace penstock::clickhouse {

/// A table on the server that PENSTOCK_CLICKHOUSE_HOST, _PORT, _USER and _PASSWORD name, dropped at
/// the end. Tests are skipped without a server.
class RealTable {
 public:
  static constexpr std::string_view kDatabase = "penstock_clickhouse_test";

  static bool HasServer();
  static ClickHouseConnection Connection();

  /// `definition` follows the table's name: "(a Int8) ENGINE = …".
  explicit RealTable(std::string_view definition);
  ~RealTable();
  RealTable(const RealTable&) = delete;
  RealTable& operator=(const RealTable&) = delete;

  const std::string& name() const { return name_; }
  Client& client() { return client_; }
  /// The description, or a failed test.
  TableDescription Describe();
  /// The answer of a query in which `{}` stands for the table's full name.
  std::string Ask(std::string_view query);

 private:
  Client client_;
  std::string name_;
};

/// A column of a message with the column of the table that it feeds.
struct SourceColumn {
  Column column;
  FieldType field_type;
};

/// The block of these columns for the table; a failed test when a row is refused.
EncodedBlock BlockFor(const TableDescription& table, const std::vector<SourceColumn>& columns,
                      BodyCodec codec = kDefaultBodyCodec);

/// Inserts it into the columns in their order.
InsertOutcome InsertBlock(RealTable& table, const std::vector<SourceColumn>& columns,
                          const EncodedBlock& block, std::string_view token,
                          const std::map<std::string, std::string>& settings = {});

#define SKIP_WITHOUT_SERVER() \
  if (!RealTable::HasServer()) GTEST_SKIP() << "PENSTOCK_CLICKHOUSE_HOST is not set"

}  // namespace penstock::clickhouse
