#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace penstock::clickhouse {

/// A server on loopback that answers each request with what the test says, byte for byte: for
/// the answers that a healthy ClickHouse does not give.
class HttpStub {
 public:
  struct Request {
    std::string head;  ///< Request line and headers.
    std::string body;
  };
  /// The bytes of the answer; empty closes the connection. kHang answers nothing until the stub
  /// ends.
  using Answer = std::function<std::string(const Request&)>;
  static inline const std::string kHang = "hang";

  explicit HttpStub(Answer answer);
  ~HttpStub();
  HttpStub(const HttpStub&) = delete;
  HttpStub& operator=(const HttpStub&) = delete;

  std::uint16_t port() const { return port_; }
  int connections() const { return connections_; }

 private:
  void Accept();
  void Serve(int connection);

  const Answer answer_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> ending_{false};
  std::atomic<int> connections_{0};
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

/// A whole answer with these headers.
std::string HttpText(int status, std::string_view headers, std::string_view body);

}  // namespace penstock::clickhouse
