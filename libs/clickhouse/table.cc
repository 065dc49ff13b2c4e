#include "clickhouse/table.h"

#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "model/clickhouse_type.h"

namespace penstock::clickhouse {

namespace {

// A day's worth of blocks, one a second: long enough for any outage that ends by itself.
constexpr std::uint64_t kSuggestedWindow = 100'000;

// A block that has no answer is sent again for ever; an outage of an hour must not make it new.
constexpr double kEnoughSeconds = 3600;
constexpr double kMostSeconds = 365.0 * 24 * 3600;

bool IsReplicated(const TableDescription& table) {
  return table.engine.starts_with("Replicated") || table.engine.starts_with("Shared");
}

std::string AlterSetting(const TableDescription& table, std::string_view setting,
                         std::uint64_t value) {
  return fmt::format("ALTER TABLE {}.{} MODIFY SETTING {} = {}", QuoteIdentifier(table.database),
                     QuoteIdentifier(table.table), setting, value);
}

std::string_view WindowSetting(const TableDescription& table) {
  return IsReplicated(table) ? "replicated_deduplication_window"
                             : "non_replicated_deduplication_window";
}

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
  const std::string_view setting = WindowSetting(table);
  return {false, fmt::format("{}: {}, since {} is 0", name, once, setting),
          AlterSetting(table, setting, kSuggestedWindow)};
}

TokenMemory MemoryAt(const TableDescription& table, double parts_per_second) {
  const TokenWindow& window = table.token_window;
  if (window.blocks == 0) return {.seconds = 0, .enough = true, .sentence = {}, .alter = {}};
  TokenMemory memory;
  const double by_parts = static_cast<double>(window.blocks) / std::max(parts_per_second, 1e-9);
  const double by_time = window.seconds > 0 ? static_cast<double>(window.seconds) : kMostSeconds;
  memory.seconds = std::min({by_parts, by_time, kMostSeconds});
  memory.enough = memory.seconds >= kEnoughSeconds;
  if (memory.enough) return memory;
  memory.sentence = fmt::format(
      "{}.{} gets {:.1f} new parts a second and remembers an insert for {:.0f} s: one whose answer "
      "is missing for longer can repeat",
      table.database, table.table, parts_per_second, memory.seconds);
  if (by_parts < kEnoughSeconds) {
    const double wanted = std::ceil(parts_per_second * 2 * kEnoughSeconds);
    memory.alter = AlterSetting(table, WindowSetting(table), static_cast<std::uint64_t>(wanted));
  } else {
    memory.alter = AlterSetting(table, "replicated_deduplication_window_seconds",
                                static_cast<std::uint64_t>(2 * kEnoughSeconds));
  }
  return memory;
}

}  // namespace penstock::clickhouse
