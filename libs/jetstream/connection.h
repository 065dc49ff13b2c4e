#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "io/key_value.h"
#include "io/stream.h"

namespace penstock::jetstream {

struct TlsOptions {
  bool enabled = false;
  std::string ca_file;           ///< Empty: the system's.
  std::string certificate_file;  ///< The client's own, with `key_file`.
  std::string key_file;
  std::string server_name;  ///< Expected in the server's certificate; empty: the host of the URL.
  bool skip_verification = false;
};

/// How to reach NATS. At most one of user and password, token, credentials file.
struct NatsOptions {
  std::vector<std::string> urls;  ///< "nats://host:4222", "tls://host:4222".
  std::string name;               ///< As the server's monitoring shows it.
  std::string user;
  std::string password;
  std::string token;
  std::string credentials_file;
  TlsOptions tls;
  std::chrono::milliseconds connect_timeout{2'000};
};

struct ConnectionState {
  bool connected = false;
  std::string url;         ///< Of the server it is, or was last, connected to; without credentials.
  std::string last_error;  ///< Why it is not connected, or what the server complained about last.
  std::uint64_t reconnects = 0;
};

/// One connection to NATS and what goes over it: publishing, streams, readers, key-value buckets.
///
/// Once connected it reconnects for ever, also after the server refused it. While it is not
/// connected every call fails at once with "unavailable" (io/stream.h has the codes); nothing is
/// kept back to be sent later. Requests under way when the connection breaks end with
/// "unavailable": their result is unknown. Callbacks run on threads of this connection that also
/// take in messages for readers and watch deadlines: they must not wait.
///
/// Thread-safe. Outlives everything that it gave out.
class Connection {
 public:
  /// Fails with "unavailable" (kRetry: nobody answers there) or "refused" (kStop: the server does
  /// not let us in, or the options cannot be right).
  static Result<std::unique_ptr<Connection>> Connect(NatsOptions options,
                                                     const Clock& clock = SystemClock());
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  io::Publisher& publisher();
  io::Streams& streams();

  /// Opens the key-value bucket and makes it if it is not there, in files, with history 1 and
  /// `replicas`, or as many fewer as the servers can give.
  Result<std::unique_ptr<io::KeyValue>> OpenKeyValue(const std::string& bucket,
                                                     std::uint32_t replicas);

  /// For /readyz and logs.
  ConnectionState State() const;

 private:
  struct Parts;
  explicit Connection(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace penstock::jetstream
