#include "clickhouse/table.h"

#include <algorithm>

#include "base/format.h"
#include "model/clickhouse_type.h"

namespace penstock::clickhouse {

namespace {

// A day's worth of blocks, one a second: long enough for any outage that ends by itself.
constexpr std::uint64_t kSuggestedWindow = 100'000;

DedupGuarantee Remembers(const TableDescription& table) {
  std::string limits = fmt::format("the last {} inserts", table.token_window.blocks);
  if (table.token_window.seconds > 0) {
    limits += fmt::format(" and {} seconds", table.token_window.seconds);
  }
  return {true,
          fmt::format("{}.{} ({}) gives exactly-once: it remembers the tokens of {}",
                      table.database, table.table, table.engine, limits),
          {}};
}

}  // namespace

const TableColumn* TableDescription::Find(std::string_view column) const {
  const auto found = std::ranges::find(columns, column, &TableColumn::name);
  return found == columns.end() ? nullptr : &*found;
}

DefaultKind ParseDefaultKind(std::string_view text) {
  if (text.empty()) return DefaultKind::kNone;
  if (text == "MATERIALIZED") return DefaultKind::kMaterialized;
  if (text == "ALIAS") return DefaultKind::kAlias;
  return text == "EPHEMERAL" ? DefaultKind::kEphemeral : DefaultKind::kDefault;
}

DedupGuarantee GuaranteeOf(const TableDescription& table) {
  if (table.token_window.blocks > 0) return Remembers(table);
  const std::string name = fmt::format("{}.{} ({})", table.database, table.table, table.engine);
  const std::string once =
      "this table gives at-least-once: rows can repeat after a crash or a lost answer";
  if (!table.engine.ends_with("MergeTree")) {
    return {false, fmt::format("{}: {}, since its engine keeps no insert tokens", name, once), {}};
  }
  const std::string_view setting =
      table.engine.starts_with("Replicated") || table.engine.starts_with("Shared")
          ? "replicated_deduplication_window"
          : "non_replicated_deduplication_window";
  return {false, fmt::format("{}: {}, since {} is 0", name, once, setting),
          fmt::format("ALTER TABLE {}.{} MODIFY SETTING {} = {}", QuoteIdentifier(table.database),
                      QuoteIdentifier(table.table), setting, kSuggestedWindow)};
}

}  // namespace penstock::clickhouse
