#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "clickhouse/block_builder.h"
#include "clickhouse/error_class.h"
#include "clickhouse/hosts.h"
#include "clickhouse/table.h"
#include "model/pipeline_spec.h"

namespace penstock::clickhouse {

struct InsertRequest {
  std::string_view table{};  ///< In the connection's database. Quoted here, as are the columns.
  std::span<const std::string> columns{};
  const EncodedBlock* block = nullptr;
  std::string_view token{};     ///< The same for every attempt.
  std::string_view query_id{};  ///< New for every attempt.
  std::string_view log_comment{};
  const std::map<std::string, std::string>* settings = nullptr;  ///< The pipeline's own.
};

/// Names and types of a block's columns.
using RowStructure = std::span<const std::pair<std::string, std::string>>;

/// What is known after one attempt.
struct InsertOutcome {
  bool ok = false;
  ErrorClass error_class = ErrorClass::kTransient;
  int code = 0;           ///< ClickHouse's, 0 when it named none.
  std::string code_name;  ///< "TOO_MANY_PARTS"; "NETWORK", "STOPPED", "HTTP" without a code.
  std::string message;    ///< For people.
  int http_status = 0;
  /// The server has told the result: inserted, or refused and nothing written. False: unknown,
  /// the rows may be in the table now or later.
  bool answered = false;
  /// False: not a byte of the request left this process, so that "unknown" means "no".
  bool sent = false;
  std::uint64_t written_rows = 0;  ///< From the server's summary; 0 for a repeat that it dropped.
  std::string host;                ///< Which one was asked.
};

/// Talks to ClickHouse over HTTP with kept-alive connections. One call is one attempt: back-off
/// and repetition are the caller's. Which host it goes to is `hosts`' choice; one that cannot be
/// reached or answers with a transient fault is avoided by the next attempts, of all clients.
///
/// One owner thread; make one a worker. All calls end soon after `stop` is requested.
class Client {
 public:
  /// `hosts` are the connection's.
  Client(ClickHouseConnection connection, Hosts& hosts);
  /// With hosts of its own.
  explicit Client(ClickHouseConnection connection);
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  const ClickHouseConnection& connection() const;

  /// Queries describe a table; a server that takes longer is not well.
  static constexpr std::chrono::seconds kQueryTime{30};

  /// Runs a statement and returns the answer's bytes (at most 64 MiB), within `time`. `parameters`
  /// fill `{name:Type}` in it. Errors: remedy kRetry for what may pass by itself, else kStop; the
  /// code is the error class as text, the detail has ClickHouse's message.
  Result<std::string> Query(std::string_view sql, std::stop_token stop,
                            const std::map<std::string, std::string>& parameters = {},
                            std::chrono::nanoseconds time = kQueryTime);

  /// Inserts one block with async_insert off, the token, and the answer only at the end.
  InsertOutcome Insert(const InsertRequest& request, std::stop_token stop);

  /// Runs a SELECT over the rows of an uncompressed block, in order, which it knows as table
  /// `penstock_rows`; the server keeps nothing. Errors as for Query.
  Result<std::string> SelectRows(std::string_view select, RowStructure structure,
                                 const EncodedBlock& block, std::stop_token stop,
                                 const std::map<std::string, std::string>& parameters = {});

  /// cityHash64 of `expression` for each row of such a block, by the server.
  Result<std::vector<std::uint64_t>> HashRows(std::string_view expression, RowStructure structure,
                                              const EncodedBlock& block, std::stop_token stop);

  /// Whether the server has not been started within the last `time`.
  Result<bool> RunsForLongerThan(std::chrono::seconds time, std::stop_token stop);

  /// How many of the rows of such a block are in no part that was written within the last `time`,
  /// by the values of `columns`.
  Result<std::size_t> CountMissing(std::string_view table, std::chrono::seconds time,
                                   RowStructure structure, std::span<const std::string> columns,
                                   const EncodedBlock& block, std::stop_token stop);

  /// The table as it is now. A database or table that is not there: code "schema", by name.
  Result<TableDescription> Describe(std::string_view table, std::stop_token stop);

  /// Parts that inserts have made in the table in the last `over` (at most 8 minutes: the server
  /// forgets merged ones), a second.
  Result<double> NewPartsPerSecond(std::string_view table, std::chrono::seconds over,
                                   std::stop_token stop);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// What an insert's body is best compressed with: LZ4, or nothing where every host is this very
/// machine and there is no wire to spare (compressing costs more CPU there than anything else).
BodyCodec CodecFor(const ClickHouseConnection& connection);

/// Settings that a pipeline cannot set, since delivery rests on them: `sink.settings` with these
/// names are not sent.
std::span<const std::string_view> ReservedSettings();

}  // namespace penstock::clickhouse
