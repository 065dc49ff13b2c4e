#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::clickhouse {

/// What a column gets when an INSERT leaves it out. kMaterialized and kAlias cannot be inserted.
enum class DefaultKind : std::uint8_t { kNone, kDefault, kEphemeral, kMaterialized, kAlias };

struct TableColumn {
  std::string name{};
  std::string type{};  ///< As the server writes it.
  DefaultKind default_kind = DefaultKind::kNone;
};

/// How long the table remembers insert tokens. A limit of 0 is none: `blocks` 0 means that it
/// remembers nothing.
struct TokenWindow {
  std::uint64_t blocks = 0;
  std::uint64_t seconds = 0;
  friend bool operator==(const TokenWindow&, const TokenWindow&) = default;
};

/// A table as the server describes it. Plain data.
struct TableDescription {
  std::string database{};
  std::string table{};
  std::string engine{};  ///< "MergeTree", "ReplicatedMergeTree", "Null", …
  std::string sorting_key{};
  std::string partition_key{};
  std::vector<TableColumn> columns{};  ///< In the table's order.
  TokenWindow token_window{};          ///< The table's setting, else the server's default.
  std::vector<std::string> materialized_views{};  ///< `database.table` of those that read from it.

  const TableColumn* Find(std::string_view column) const;
};

/// What a pipeline that writes into the table promises, in words for an operator.
struct DedupGuarantee {
  bool exactly_once = false;
  std::string sentence;
  std::string alter;  ///< The statement that would make it exactly-once; empty: there is none.
};
DedupGuarantee GuaranteeOf(const TableDescription& table);

/// How long the table remembers a token while it gets so many new parts a second, over all who
/// write into it: it counts tokens, not time.
struct TokenMemory {
  double seconds = 0;    ///< At most a year.
  bool enough = true;    ///< An hour of retries at least; also of a table without a window.
  std::string sentence;  ///< For an operator.
  std::string alter;     ///< The statement that makes it enough, if it is not.
};
TokenMemory MemoryAt(const TableDescription& table, double parts_per_second);

/// "MATERIALIZED", as system.columns and DESCRIBE say it; anything unknown counts as kDefault.
DefaultKind ParseDefaultKind(std::string_view text);

}  // namespace penstock::clickhouse
