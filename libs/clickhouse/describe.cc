#include <charconv>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "clickhouse/client.h"
#include "model/clickhouse_type.h"

namespace penstock::clickhouse {

namespace {

using Parameters = std::map<std::string, std::string>;

// Answers come as RowBinary, whose strings ByteReader reads.
constexpr std::string_view kTableQuery =
    "SELECT engine, sorting_key, partition_key, engine_full, "
    "arrayMap((d, t) -> concat(d, '.', t), dependencies_database, dependencies_table) "
    "FROM system.tables WHERE database = {database:String} AND name = {table:String} "
    "FORMAT RowBinary";
constexpr std::string_view kColumnsQuery =
    "SELECT name, type, default_kind FROM system.columns "
    "WHERE database = {database:String} AND table = {table:String} ORDER BY position "
    "FORMAT RowBinary";
// An insert's part has level 0; it is listed for a while after it was merged.
// Times of parts are whole seconds: one that is exactly as old as asked for counts.
constexpr std::string_view kNewPartsQuery =
    "SELECT count() FROM system.parts WHERE database = {database:String} AND table = "
    "{table:String} AND level = 0 AND modification_time >= now() - {seconds:UInt32} "
    "FORMAT RowBinary";
constexpr std::string_view kDatabaseQuery =
    "SELECT name FROM system.databases WHERE name = {database:String} FORMAT RowBinary";

constexpr std::string_view kPlainWindow = "non_replicated_deduplication_window";
constexpr std::string_view kReplicatedWindow = "replicated_deduplication_window";
constexpr std::string_view kReplicatedSeconds = "replicated_deduplication_window_seconds";

std::optional<std::uint64_t> ParseCount(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

bool IsWordChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// The table's own value of a setting, from "… SETTINGS index_granularity = 8192, name = 5".
std::optional<std::uint64_t> TableSetting(std::string_view engine_full, std::string_view name) {
  for (std::size_t at = engine_full.find(name); at != std::string_view::npos;
       at = engine_full.find(name, at + 1)) {
    std::string_view rest = engine_full.substr(at + name.size());
    if (at > 0 && IsWordChar(engine_full[at - 1])) continue;
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    if (!rest.starts_with('=')) continue;
    rest.remove_prefix(1);
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    return ParseCount(rest);
  }
  return std::nullopt;
}

Error Missing(std::string what) {
  return Error{Remedy::kStop, "schema", std::move(what)};
}

Error Malformed() {
  return Error{Remedy::kRetry, "transient", "ClickHouse's answer about a table ends too early"};
}

// Reads one table for Describe.
class Describer {
 public:
  Describer(Client& client, std::string_view table, std::stop_token stop)
      : client_(client),
        stop_(std::move(stop)),
        parameters_{{"database", client.connection().database}, {"table", std::string(table)}} {
    description_.database = client.connection().database;
    description_.table = table;
  }

  Result<TableDescription> Run() && {
    PENSTOCK_RETURN_IF_ERROR(ReadTable());
    PENSTOCK_RETURN_IF_ERROR(ReadColumns());
    PENSTOCK_RETURN_IF_ERROR(ReadWindow());
    return std::move(description_);
  }

 private:
  Status ReadTable() {
    PENSTOCK_ASSIGN_OR_RETURN(const std::string answer,
                              client_.Query(kTableQuery, stop_, parameters_));
    if (answer.empty()) return WhatIsMissing();
    ByteReader reader(answer);
    description_.engine = reader.String();
    description_.sorting_key = reader.String();
    description_.partition_key = reader.String();
    engine_full_ = reader.String();
    for (std::uint64_t views = reader.Varint(); views > 0 && reader.ok(); --views) {
      description_.materialized_views.emplace_back(reader.String());
    }
    return reader.ok() ? Status(Done{}) : Malformed();
  }

  Status WhatIsMissing() {
    const std::string& database = description_.database;
    PENSTOCK_ASSIGN_OR_RETURN(const std::string answer,
                              client_.Query(kDatabaseQuery, stop_, parameters_));
    if (answer.empty()) {
      return Missing(
          fmt::format("there is no database `{}`, or the user may not see it", database));
    }
    return Missing(
        fmt::format("there is no table `{}` in the database `{}`, or the user may not see it",
                    description_.table, database));
  }

  Status ReadColumns() {
    PENSTOCK_ASSIGN_OR_RETURN(const std::string answer,
                              client_.Query(kColumnsQuery, stop_, parameters_));
    ByteReader reader(answer);
    while (reader.left() > 0) {
      TableColumn column;
      column.name = reader.String();
      column.type = reader.String();
      column.default_kind = ParseDefaultKind(reader.String());
      description_.columns.push_back(std::move(column));
    }
    return reader.ok() ? Status(Done{}) : Malformed();
  }

  Status ReadWindow() {
    const std::string_view engine = description_.engine;
    if (!engine.ends_with("MergeTree")) return Done{};
    const bool replicated = engine.starts_with("Replicated") || engine.starts_with("Shared");
    PENSTOCK_RETURN_IF_ERROR(ReadDefaults(replicated));
    TokenWindow& window = description_.token_window;
    window.blocks = Setting(replicated ? kReplicatedWindow : kPlainWindow);
    window.seconds = replicated ? Setting(kReplicatedSeconds) : 0;
    return Done{};
  }

  // What tables without a setting of their own have.
  Status ReadDefaults(bool replicated) {
    const std::string sql = fmt::format(
        "SELECT name, value FROM system.{}merge_tree_settings WHERE name LIKE "
        "'%replicated_deduplication_window%' FORMAT RowBinary",
        replicated ? "replicated_" : "");
    PENSTOCK_ASSIGN_OR_RETURN(const std::string answer, client_.Query(sql, stop_, {}));
    ByteReader reader(answer);
    while (reader.left() > 0) {
      std::string name(reader.String());
      defaults_[std::move(name)] = ParseCount(reader.String()).value_or(0);
    }
    return reader.ok() ? Status(Done{}) : Malformed();
  }

  std::uint64_t Setting(std::string_view name) {
    const auto own = TableSetting(engine_full_, name);
    return own ? *own : defaults_[std::string(name)];
  }

  Client& client_;
  const std::stop_token stop_;
  const Parameters parameters_;
  TableDescription description_;
  std::string engine_full_;
  std::map<std::string, std::uint64_t> defaults_;
};

}  // namespace

Result<double> Client::NewPartsPerSecond(std::string_view table, std::chrono::seconds over,
                                         std::stop_token stop) {
  const Parameters parameters{{"database", connection().database},
                              {"table", std::string(table)},
                              {"seconds", std::to_string(over.count())}};
  PENSTOCK_ASSIGN_OR_RETURN(const std::string answer,
                            Query(kNewPartsQuery, std::move(stop), parameters));
  ByteReader reader(answer);
  const auto parts = reader.Fixed<std::uint64_t>();
  if (!reader.ok()) return Malformed();
  return static_cast<double>(parts) / static_cast<double>(over.count());
}

namespace {

// Server and client do not start to count at the same moment.
constexpr std::chrono::seconds kCountingSlack{60};

Result<std::uint64_t> NumberIn(const Result<std::string>& answer) {
  if (!answer.ok()) return answer.error();
  ByteReader reader(answer.value());
  const auto number = reader.Fixed<std::uint64_t>();
  if (!reader.ok()) return Malformed();
  return number;
}

}  // namespace

Result<bool> Client::RunsForLongerThan(std::chrono::seconds time, std::stop_token stop) {
  PENSTOCK_ASSIGN_OR_RETURN(
      const std::uint64_t seconds,
      NumberIn(Query("SELECT toUInt64(uptime()) FORMAT RowBinary", std::move(stop))));
  return seconds > static_cast<std::uint64_t>((time + kCountingSlack).count());
}

Result<std::size_t> Client::CountMissing(std::string_view table, std::chrono::seconds time,
                                         RowStructure structure,
                                         std::span<const std::string> columns,
                                         const EncodedBlock& block, std::stop_token stop) {
  std::string row;
  for (const std::string& column : columns) {
    row += fmt::format("{}{}", row.empty() ? "" : ", ", QuoteIdentifier(column));
  }
  // Also parts that are merged already: the rows are read from the parts of one moment, and their
  // names from those of another.
  const std::string select = fmt::format(
      "SELECT toUInt64(countIf(cityHash64(tuple({0})) NOT IN (SELECT cityHash64(tuple({0})) FROM "
      "{{database:Identifier}}.{{table:Identifier}} WHERE _part IN (SELECT name FROM system.parts "
      "WHERE database = {{database:String}} AND table = {{table:String}} AND "
      "modification_time >= now() - {{seconds:UInt64}})))) FROM penstock_rows FORMAT RowBinary",
      row);
  return NumberIn(SelectRows(select, structure, block, std::move(stop),
                             {{"database", connection().database},
                              {"table", std::string(table)},
                              {"seconds", std::to_string((time + kCountingSlack).count())}}));
}

Result<TableDescription> Client::Describe(std::string_view table, std::stop_token stop) {
  return Describer(*this, table, std::move(stop)).Run();
}

}  // namespace penstock::clickhouse
