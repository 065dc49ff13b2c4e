#include "clickhouse/client.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "base/check.h"
#include "clickhouse/http_session.h"
#include "clickhouse/json_reader.h"
#include "model/clickhouse_type.h"

namespace penstock::clickhouse {

namespace {

constexpr std::size_t kMaxQueryAnswerBytes = 64U << 20;
constexpr std::size_t kMaxInsertAnswerBytes = 64U << 10;
constexpr std::size_t kShownMessageBytes = 2000;
constexpr int kUnknownStatusOfInsert = 319;
// Between the parts of a form. It ends a part only behind a line break and two dashes: Native
// blocks would have to hold these very 40 bytes.
constexpr std::string_view kBoundary = "penstock-7c1f4e0b9d2a4b6f8e35d0a1c94b2e77";
constexpr std::string_view kFormType =
    "multipart/form-data; boundary=penstock-7c1f4e0b9d2a4b6f8e35d0a1c94b2e77";

// What an insert always says. The last one makes views of the table drop repeats with it.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kFixedSettings = {{
    {"async_insert", "0"},
    {"insert_deduplicate", "1"},
    {"wait_end_of_query", "1"},
    {"deduplicate_blocks_in_dependent_materialized_views", "1"},
}};
constexpr std::array<std::string_view, 10> kReserved = {
    "async_insert",
    "insert_deduplicate",
    "wait_end_of_query",
    "deduplicate_blocks_in_dependent_materialized_views",
    "insert_deduplication_token",
    "query",
    "query_id",
    "log_comment",
    "database",
    "decompress"};

void AppendPercent(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 0xF]);
  }
}

// The part of the URL behind '?'.
class UrlParameters {
 public:
  void Add(std::string_view name, std::string_view value) {
    if (!text_.empty()) text_.push_back('&');
    AppendPercent(text_, name);
    text_.push_back('=');
    AppendPercent(text_, value);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// "host", "host:8123", "[::1]:8123" or "::1", as the authority of a URL.
std::string Authority(std::string_view host, std::uint16_t default_port) {
  const bool bracketed = host.starts_with('[');
  const auto colons = std::ranges::count(host, ':');
  if (!bracketed && colons > 1) return fmt::format("[{}]:{}", host, default_port);
  const bool has_port = bracketed ? host.find("]:") != std::string_view::npos : colons == 1;
  return has_port ? std::string(host) : fmt::format("{}:{}", host, default_port);
}

std::string InsertStatement(std::string_view database, const InsertRequest& request) {
  std::string sql =
      fmt::format("INSERT INTO {}.{} (", QuoteIdentifier(database), QuoteIdentifier(request.table));
  for (std::size_t i = 0; i < request.columns.size(); ++i) {
    if (i > 0) sql += ", ";
    sql += QuoteIdentifier(request.columns[i]);
  }
  return sql += ") FORMAT Native";
}

// {"read_rows":"0",…,"written_rows":"5",…}
std::uint64_t WrittenRows(std::string_view summary) {
  JsonReader reader(summary);
  if (reader.Peek() != JsonReader::Kind::kObject) return 0;
  std::string key_scratch;
  std::string scratch;
  std::string_view key;
  for (reader.Open(); reader.NextMember(key, key_scratch);) {
    if (key != "written_rows" || reader.Peek() != JsonReader::Kind::kString) {
      reader.Skip();
      continue;
    }
    const std::string_view digits = reader.String(scratch);
    std::uint64_t rows = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), rows);
    return rows;
  }
  return 0;
}

// ClickHouse's code in an answer, wherever it says it; 0: none.
int ErrorCodeOf(const HttpAnswer& answer) {
  if (answer.exception_code != 0) return answer.exception_code;
  return FindErrorCode(answer.body);
}

bool SaysException(const HttpAnswer& answer) {
  return ErrorCodeOf(answer) != 0 || answer.body.find("__exception__") != std::string::npos;
}

}  // namespace

class Client::Impl {
  struct Reply {
    HttpAnswer answer;
    InsertOutcome outcome;
  };

 public:
  Impl(ClickHouseConnection connection, Hosts* hosts)
      : connection_(std::move(connection)), session_(connection_), hosts_(hosts) {
    if (hosts_ == nullptr) hosts_ = &own_hosts_.emplace(connection_.hosts);
  }

  const ClickHouseConnection& connection() const { return connection_; }

  Result<std::string> Query(std::string_view sql, const std::stop_token& stop,
                            const std::map<std::string, std::string>& values,
                            std::chrono::nanoseconds time) {
    if (!HeadersCanCarryCredentials()) {
      const InsertOutcome refused = Refused();
      return Error{Remedy::kStop, ToText(refused.error_class), refused.message};
    }
    UrlParameters parameters;
    parameters.Add("wait_end_of_query", "1");
    for (const auto& [name, value] : values) parameters.Add("param_" + name, value);
    return GoodAnswer(Post(parameters, {}, sql, time, kMaxQueryAnswerBytes, stop));
  }

  // A query's answer, if it is one.
  static Result<std::string> GoodAnswer(Reply reply) {
    HttpAnswer& answer = reply.answer;
    const InsertOutcome& outcome = reply.outcome;
    // Unlike an insert's, a query's good answer may hold any text.
    const bool good = answer.complete && answer.status == 200 && answer.exception_code == 0 &&
                      answer.from_clickhouse;
    if (good) return std::move(answer.body);
    const bool passes = outcome.error_class == ErrorClass::kTransient ||
                        outcome.error_class == ErrorClass::kMemory ||
                        outcome.error_class == ErrorClass::kUnknown;
    return Error{passes ? Remedy::kRetry : Remedy::kStop, ToText(outcome.error_class),
                 outcome.message};
  }

  // The rows go along as an external table: a part of a form, with its structure beside it.
  Result<std::string> SelectRows(std::string_view select, RowStructure structure,
                                 const EncodedBlock& block, const std::stop_token& stop,
                                 const std::map<std::string, std::string>& values = {}) {
    PENSTOCK_CHECK(block.codec == BodyCodec::kNone, "a form's parts are not compressed");
    std::string columns;
    for (const auto& [name, type] : structure) {
      columns += fmt::format("{}{} {}", columns.empty() ? "" : ", ", QuoteIdentifier(name), type);
    }
    UrlParameters parameters;
    parameters.Add("wait_end_of_query", "1");
    parameters.Add("max_threads", "1");  // Rows stay in their order.
    parameters.Add("query", select);
    for (const auto& [name, value] : values) parameters.Add("param_" + name, value);
    parameters.Add("penstock_rows_structure", columns);
    parameters.Add("penstock_rows_format", "Native");
    const std::string form = fmt::format(
        "--{0}\r\nContent-Disposition: form-data; name=\"penstock_rows\"; "
        "filename=\"rows\"\r\nContent-Type: application/octet-stream\r\n\r\n{1}\r\n--{0}--\r\n",
        kBoundary, block.body);
    return GoodAnswer(Post(parameters, {}, form, connection_.insert_timeout, kMaxQueryAnswerBytes,
                           stop, kFormType));
  }

  Result<std::vector<std::uint64_t>> HashRows(std::string_view expression, RowStructure structure,
                                              const EncodedBlock& block,
                                              const std::stop_token& stop) {
    PENSTOCK_ASSIGN_OR_RETURN(
        const std::string bytes,
        SelectRows(fmt::format("SELECT cityHash64(tuple({})) FROM penstock_rows FORMAT RowBinary",
                               expression),
                   structure, block, stop));
    std::vector<std::uint64_t> hashes(block.rows);
    if (bytes.size() != hashes.size() * sizeof(std::uint64_t)) {
      return Error{Remedy::kStop, ToText(ErrorClass::kUnknown),
                   fmt::format("{} rows were hashed, and the answer has {} bytes", block.rows,
                               bytes.size())};
    }
    std::memcpy(hashes.data(), bytes.data(), bytes.size());
    return hashes;
  }

  InsertOutcome Insert(const InsertRequest& request, const std::stop_token& stop) {
    PENSTOCK_CHECK(request.block != nullptr && request.block->rows > 0, "a block has rows");
    if (!HeadersCanCarryCredentials()) return Refused();
    UrlParameters parameters;
    parameters.Add("query", InsertStatement(connection_.database, request));
    for (const auto& [name, value] : kFixedSettings) parameters.Add(name, value);
    parameters.Add("insert_deduplication_token", request.token);
    parameters.Add("query_id", request.query_id);
    parameters.Add("log_comment", request.log_comment);
    if (request.settings != nullptr) {
      for (const auto& [name, value] : *request.settings) {
        if (std::ranges::find(kReserved, name) == kReserved.end()) parameters.Add(name, value);
      }
    }
    return Post(parameters, EncodingHeader(request.block->codec), request.block->body,
                connection_.insert_timeout, kMaxInsertAnswerBytes, stop)
        .outcome;
  }

 private:
  static std::string EncodingHeader(BodyCodec codec) {
    switch (codec) {
      case BodyCodec::kNone:
        return {};
      case BodyCodec::kLz4:
        return "Content-Encoding: lz4";
      case BodyCodec::kZstd:
        return "Content-Encoding: zstd";
    }
    return {};
  }

  bool HeadersCanCarryCredentials() const {
    return (connection_.username + connection_.password).find_first_of("\r\n") == std::string::npos;
  }
  static InsertOutcome Refused() {
    InsertOutcome outcome;
    outcome.error_class = ErrorClass::kAccess;
    outcome.code_name = "CREDENTIALS";
    outcome.message = "the user name or the password has a line break, which no header can carry";
    return outcome;
  }

  // One attempt, at a host that is there as far as can be known; which one is well afterwards is
  // told to all clients.
  Reply Post(const UrlParameters& parameters, const std::string& header, std::string_view body,
             std::chrono::nanoseconds timeout, std::size_t max_answer_bytes,
             const std::stop_token& stop,
             std::string_view content_type = "application/octet-stream") {
    HttpRequest request;
    request.headers = {fmt::format("Content-Type: {}", content_type),
                       "X-ClickHouse-User: " + connection_.username,
                       "X-ClickHouse-Key: " + connection_.password};
    if (!header.empty()) request.headers.push_back(header);
    request.body = body;
    request.timeout = timeout;
    request.max_answer_bytes = max_answer_bytes;
    Reply reply;
    for (std::size_t tried = 0; tried < hosts_->size(); ++tried) {
      auto visit = hosts_->Next(stop);
      if (!visit) return Stopped();
      if (visit->doubtful() && !Probe(visit->host(), stop, reply)) {
        if (stop.stop_requested()) return Stopped();
        visit->Unwell();
        continue;
      }
      request.url = UrlOf(visit->host(), parameters.text());
      reply.answer = session_.Post(request, stop);
      reply.outcome = Judge(reply.answer, visit->host());
      if (!reply.answer.stopped) IsWell(reply.outcome) ? visit->Well() : visit->Unwell();
      break;
    }
    return reply;
  }

  static bool IsWell(const InsertOutcome& outcome) {
    return outcome.ok || (outcome.error_class != ErrorClass::kTransient &&
                          outcome.error_class != ErrorClass::kMemory);
  }

  // Something that costs nothing, so that a host that hangs does not get a block. Whether the
  // server answers is all that counts: the request behind it brings out what is wrong.
  bool Probe(const std::string& host, const std::stop_token& stop, Reply& reply) {
    HttpRequest request;
    request.url = UrlOf(host, {});
    request.headers = {"X-ClickHouse-User: " + connection_.username,
                       "X-ClickHouse-Key: " + connection_.password};
    request.body = "SELECT 1";
    request.timeout = connection_.connect_timeout;
    request.max_answer_bytes = kMaxInsertAnswerBytes;
    reply.answer = session_.Post(request, stop);
    reply.outcome = Judge(reply.answer, host);
    reply.outcome.sent = false;
    return reply.answer.complete && (reply.answer.from_clickhouse || reply.outcome.code != 0);
  }

  static Reply Stopped() {
    Reply reply;
    reply.answer.stopped = true;
    reply.outcome.code_name = "STOPPED";
    reply.outcome.message = "stopped while waiting for a host";
    return reply;
  }

  std::string UrlOf(std::string_view host, std::string_view parameters) const {
    return fmt::format("{}://{}/?{}", connection_.secure ? "https" : "http",
                       Authority(host, connection_.http_port), parameters);
  }

  // Status 200 alone proves nothing: a server that fails late says so behind it, and what stands
  // between may answer anything.
  static InsertOutcome Judge(const HttpAnswer& answer, const std::string& host) {
    InsertOutcome outcome;
    outcome.host = host;
    outcome.http_status = answer.status;
    outcome.sent = answer.sent;
    outcome.written_rows = WrittenRows(answer.summary);
    if (!answer.complete) {
      outcome.code_name = answer.stopped ? "STOPPED" : "NETWORK";
      outcome.message = fmt::format("{}: {}", outcome.host, answer.failure);
      return outcome;
    }
    outcome.ok = answer.status == 200 && answer.from_clickhouse && !SaysException(answer);
    outcome.answered = outcome.ok;
    if (outcome.ok) return outcome;
    outcome.code = ErrorCodeOf(answer);
    std::string_view text = std::string_view(answer.body).substr(0, kShownMessageBytes);
    while (text.ends_with('\n')) text.remove_suffix(1);
    outcome.error_class = ClassifyClickHouseError(outcome.code, answer.status, answer.body);
    outcome.answered = outcome.code != 0 && outcome.code != kUnknownStatusOfInsert;
    outcome.code_name = outcome.code == 0 ? "HTTP" : CodeName(outcome.code, answer.body);
    outcome.message = outcome.code != 0
                          ? fmt::format("{}: {}", outcome.host, text)
                          : fmt::format("{}: HTTP status {} without a word from ClickHouse: {}",
                                        outcome.host, answer.status, text);
    return outcome;
  }

  const ClickHouseConnection connection_;
  HttpSession session_;
  std::optional<Hosts> own_hosts_;
  Hosts* hosts_;
};

Client::Client(ClickHouseConnection connection, Hosts& hosts)
    : impl_(std::make_unique<Impl>(std::move(connection), &hosts)) {}
Client::Client(ClickHouseConnection connection)
    : impl_(std::make_unique<Impl>(std::move(connection), nullptr)) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

const ClickHouseConnection& Client::connection() const {
  return impl_->connection();
}

Result<std::string> Client::Query(std::string_view sql, std::stop_token stop,
                                  const std::map<std::string, std::string>& parameters,
                                  std::chrono::nanoseconds time) {
  return impl_->Query(sql, stop, parameters, time);
}

Result<std::string> Client::SelectRows(std::string_view select, RowStructure structure,
                                       const EncodedBlock& block, std::stop_token stop,
                                       const std::map<std::string, std::string>& parameters) {
  return impl_->SelectRows(select, structure, block, stop, parameters);
}

Result<std::vector<std::uint64_t>> Client::HashRows(std::string_view expression,
                                                    RowStructure structure,
                                                    const EncodedBlock& block,
                                                    std::stop_token stop) {
  return impl_->HashRows(expression, structure, block, stop);
}

InsertOutcome Client::Insert(const InsertRequest& request, std::stop_token stop) {
  return impl_->Insert(request, stop);
}

BodyCodec CodecFor(const ClickHouseConnection& connection) {
  const bool here = std::ranges::all_of(connection.hosts, [](std::string_view host) {
    return host == "localhost" || host.starts_with("localhost:") || host.starts_with("127.") ||
           host == "::1" || host.starts_with("[::1]");
  });
  return here ? BodyCodec::kNone : BodyCodec::kLz4;
}

std::span<const std::string_view> ReservedSettings() {
  return kReserved;
}

}  // namespace penstock::clickhouse
