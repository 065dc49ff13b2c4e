#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace penstock::testing {

/// What arrives at a gate.
struct GateRequest {
  std::string head;  ///< Request line and headers, each with its line end.
  std::string body;

  bool IsInsert() const { return head.find("INSERT%20INTO") != std::string::npos; }
};

/// What becomes of it.
struct GateVerdict {
  enum class Kind : std::uint8_t {
    kForward,    ///< To the server, and its answer back.
    kCutAnswer,  ///< To the server; when it has answered, the connection breaks.
    kBreak,      ///< The connection breaks before the server hears of it.
    kHang,       ///< No answer as long as the gate is there.
    kAnswer,     ///< `answer`, and the server hears nothing.
  };
  Kind kind = Kind::kForward;
  std::chrono::milliseconds delay{0};  ///< Before anything else.
  std::string answer{};                ///< A whole HTTP answer.

  static GateVerdict Forward() { return {}; }
  /// As ClickHouse refuses: "Code: 201. DB::Exception: …".
  static GateVerdict Refuse(int code, std::string_view message, int http_status = 500);
  /// As a proxy answers for a server that it does not reach.
  static GateVerdict Status(int http_status, std::string_view body);
};

/// A gate on loopback in front of an HTTP server on loopback: the network, or what stands in it,
/// as a test wants it. Every connection serves one request. Thread-safe.
class TcpGate {
 public:
  using Judge = std::function<GateVerdict(const GateRequest&)>;

  explicit TcpGate(std::uint16_t server_port, Judge judge = {});
  /// Breaks what is open.
  ~TcpGate();
  TcpGate(const TcpGate&) = delete;
  TcpGate& operator=(const TcpGate&) = delete;

  std::uint16_t port() const { return port_; }
  /// From the next request on; called by one thread at a time. Without one everything is forwarded.
  void Set(Judge judge);
  /// The same verdict for every insert; other requests are forwarded.
  void SetForInserts(GateVerdict verdict);

  /// Inserts that have arrived.
  std::uint64_t inserts() const { return inserts_; }

 private:
  void Accept();
  void Serve(int client);
  GateVerdict JudgeOf(const GateRequest& request);
  void Hold(int client);

  const std::uint16_t server_port_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> ending_{false};
  std::atomic<std::uint64_t> inserts_{0};
  std::mutex mutex_;
  Judge judge_;                     // Guarded by mutex_, as the rest.
  std::list<int> open_;             // Clients' connections.
  std::list<std::thread> threads_;  // One a connection.
  std::thread acceptor_;
};

}  // namespace penstock::testing
