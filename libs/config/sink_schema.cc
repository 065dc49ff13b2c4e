#include <array>
#include <charconv>

#include "config/column_type.h"
#include "config/document.h"
#include "config/nearest.h"

namespace penstock::config {

namespace {

std::string HostFault(std::string_view host) {
  if (host.find('/') == std::string_view::npos) return "";
  return "must be a host name without http:// and without a path";
}

std::string PositiveFault(std::chrono::nanoseconds duration) {
  return duration > std::chrono::nanoseconds(0) ? "" : "must be longer than 0s";
}

// The reference system has text here; a number is as clear.
void ReadHttpPort(const Site& site, ClickHouseDoc& out) {
  constexpr std::string_view kWanted = "a port, 1 to 65535";
  if (site.node.unresolved) return;
  if (site.node.kind != Node::Kind::kText && site.node.kind != Node::Kind::kInt) {
    return site.WrongKind(kWanted);
  }
  const std::string& text = site.node.text;
  if (text.empty()) return;
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) {
    return site.WrongKind(kWanted);
  }
  out.given_http_port = port;
}

void ReadNativePort(const Site& site, ClickHouseDoc&) {
  std::string port;
  if (ReadText(site, port)) site.Note("is ignored: rows go over HTTP, see http_port");
}

void ReadHosts(const Site& site, ClickHouseDoc& out) {
  ReadTexts(site, out.hosts);
  for (const std::string& host : out.hosts) {
    if (std::string fault = HostFault(host); !fault.empty()) return site.Fault(std::move(fault));
  }
}

const Schema<ClickHouseDoc>& ConnectionSchema() {
  using C = ClickHouseDoc;
  static const Schema<C> schema = {
      Text<C>("host", &C::host)
          .NotEmpty()
          .Check([](const C& connection) { return HostFault(connection.host); })
          .Doc("The server. Required unless there are `hosts`."),
      Custom<C>("hosts", "list of texts", ReadHosts)
          .Extension()
          .Doc("Several servers, `host` or `host:http_port`, instead of `host`: healthy ones in "
               "turn, the next one when one fails."),
      Custom<C>("port", "text", ReadNativePort)
          .NotEmpty()
          .Doc("Port of the native protocol: accepted and ignored, with a note."),
      Custom<C>("http_port", "text or whole number", ReadHttpPort)
          .Default("8123, or 8443 when `secure`")
          .Doc("Port of the HTTP interface, which is what is used."),
      Text<C>("database", &C::database).Required().Doc("The database of the table."),
      Text<C>("username", &C::username).Required().Doc("The user that inserts."),
      Text<C>("password", &C::password)
          .NotEmpty()
          .Secret()
          .Doc("The user's password. Left out+: none."),
      Bool<C>("secure", &C::secure).Doc("HTTPS instead of HTTP."),
      Bool<C>("skip_certificate_verification", &C::skip_certificate_verification)
          .Doc("Accept any certificate. For tests."),
      Pem<C>("root_ca", &C::root_ca)
          .Extension()
          .Doc("The authority that signed the server's certificate; without it the system's "
               "trust store serves."),
      Pem<C>("client_cert", &C::client_cert)
          .Extension()
          .Doc("Certificate for mutual TLS, with `client_key`."),
      Pem<C>("client_key", &C::client_key).Extension().Secret().Doc("Key of `client_cert`."),
      Duration<C>("connect_timeout", &C::connect_timeout)
          .Extension()
          .Check([](const C& connection) { return PositiveFault(connection.connect_timeout); })
          .Doc("How long a connection may take to open."),
      Duration<C>("insert_timeout", &C::insert_timeout)
          .Extension()
          .Check([](const C& connection) { return PositiveFault(connection.insert_timeout); })
          .Doc("How long an insert may take before it is tried again, with the same token."),
  };
  return schema;
}

void ReadColumnType(const Site& site, MappingEntry& out) {
  if (!ReadText(site, out.column_type)) return;
  std::string fault = ColumnTypeFault(out.column_type);
  if (fault.empty()) return;
  site.Fault(site.node.from_reference ? "is no type of ClickHouse" : std::move(fault));
}

const Schema<MappingEntry>& MappingSchema() {
  using M = MappingEntry;
  static const Schema<M> schema = {
      Text("name", &M::name)
          .Required()
          .Doc("The field: of the source, an output of `stateless` or of the join; or Kafka's "
               "metadata+: `_topic`, `_partition`, `_offset`, `_timestamp`, `_key`, `_headers`, "
               "`_ingest_time`. A declared field of that name comes first. One field may feed "
               "several columns."),
      Text("column_name", &M::column_name).Required().Doc("The column; each one once."),
      Custom<M>("column_type", "text", ReadColumnType)
          .NotEmpty()
          .Default("the table's")
          .Doc("The column's type as DESCRIBE TABLE writes it: the reference's types and all "
               "others of ClickHouse+. Left out+: the table's."),
  };
  return schema;
}

// What the order of writes rests on: a document that changed it would break the promise that a row
// arrives once.
constexpr auto kOwnSettings = std::to_array<std::string_view>(
    {"async_insert", "wait_for_async_insert", "insert_deduplicate", "insert_deduplication_token",
     "deduplicate_blocks_in_dependent_materialized_views", "wait_end_of_query", "query_id", "query",
     "database", "log_comment"});

void ReadSettings(const Site& site, SinkDoc& out) {
  if (!ReadTextMap(site, out.settings)) return;
  for (const Node& child : site.node.children) {
    // ClickHouse writes booleans as 1 and 0.
    if (child.kind == Node::Kind::kBool) out.settings[child.key] = child.text == "true" ? "1" : "0";
    for (const std::string_view own : kOwnSettings) {
      if (child.key != own) continue;
      site.findings.AddFault(
          child.key_mark, site.path + "." + child.key,
          "cannot be set: the sink sets it itself, so that each row arrives once");
    }
  }
}

void ReadErrors(const Site& site, SinkDoc& out) {
  std::map<std::string, std::string> classes;
  if (!ReadTextMap(site, classes)) return;
  for (const Node& child : site.node.children) {
    const std::string path = site.path + "." + child.key;
    int code = 0;
    const char* const end = child.key.data() + child.key.size();
    const auto [rest, error] = std::from_chars(child.key.data(), end, code);
    if (error != std::errc() || rest != end || code <= 0) {
      site.findings.AddFault(child.key_mark, path, "must be the number of a ClickHouse error code");
    }
    ReadChoice(Site{child, path, site.field, site.findings}, {"retry", "dead_letter", "pause"},
               out.errors[code]);
  }
}

void ReadBatchRows(const Site& site, SinkDoc& out) {
  // ClickHouse cuts larger blocks itself, and then a block is no longer one part.
  constexpr std::uint64_t kLargestBlock = 1'048'448;
  std::int64_t rows = 0;
  if (!ReadInteger(site, 1, std::numeric_limits<std::int64_t>::max(), rows)) return;
  out.max_batch_rows = std::min(static_cast<std::uint64_t>(rows), kLargestBlock);
  if (static_cast<std::uint64_t>(rows) > kLargestBlock) {
    site.Note(
        fmt::format("blocks have at most {} rows: ClickHouse cuts larger ones", kLargestBlock));
  }
}

void ReadDelay(const Site& site, SinkDoc& out) {
  std::chrono::nanoseconds delay{};
  if (!ReadDuration(site, delay)) return;
  if (delay < std::chrono::nanoseconds(0)) return site.Fault("must not be negative");
  if (delay > std::chrono::nanoseconds(0)) out.max_delay = delay;
}

}  // namespace

const Schema<SinkDoc>& SinkSchema() {
  using S = SinkDoc;
  constexpr std::uint64_t kMinBlock = 1 << 10;
  constexpr std::uint64_t kMaxBlock = 256 << 20;
  static const Schema<S> schema = {
      Choice<S>("type", &S::type, {"clickhouse"}).Required().Doc("Where the rows go."),
      Object<S, ClickHouseDoc>("connection_params", &S::connection_params, ConnectionSchema())
          .Required()
          .Doc("How to reach ClickHouse."),
      Text<S>("table", &S::table)
          .Required()
          .Doc("The table. It must exist; its columns are checked at start."),
      Custom<S>("max_batch_size", "whole number, 1 or more", ReadBatchRows)
          .Default(fmt::format("{}", S{}.max_batch_rows))
          .Doc("Rows of a block at most; at most 1,048,448."),
      Size<S>("max_batch_bytes", &S::max_batch_bytes)
          .Extension()
          .Check([](const S& sink) {
            return sink.max_batch_bytes >= kMinBlock && sink.max_batch_bytes <= kMaxBlock
                       ? ""
                       : "must be 1KiB to 256MiB";
          })
          .Doc("Bytes of a block at most, before compression."),
      Custom<S>("max_delay_time", "duration", ReadDelay)
          .Default(FormatDuration(S{}.max_delay))
          .Doc("How long the oldest row of a block may wait. 0s means the default."),
      List<S, MappingEntry>("mapping", &S::mapping, MappingSchema())
          .Doc("Which field goes into which column. Left out+: columns are matched with the "
               "fields by name."),
      Bool<S>("null_as_default", &S::null_as_default)
          .Extension()
          .Doc("A null or missing value for a column that is not Nullable becomes the column's "
               "DEFAULT (inside arrays, maps and tuples the default of the type) instead of a dead "
               "letter."),
      Custom<S>("settings", "map of texts", ReadSettings)
          .Extension()
          .Doc("Settings that go with each insert, by ClickHouse's names."),
      Custom<S>("errors", "map of error code to `retry`, `dead_letter`, `pause`", ReadErrors)
          .Extension()
          .Doc("What to do about a ClickHouse error, where the built-in class does not fit."),
  };
  return schema;
}

}  // namespace penstock::config
