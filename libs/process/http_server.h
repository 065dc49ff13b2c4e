#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "telemetry/health.h"
#include "telemetry/metrics.h"

namespace penstock::process {

struct HttpAnswer {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body = {};
};

/// What a process shows of itself over HTTP: /livez and /readyz (200, or 503 with a reason a line),
/// /metrics, an index at /, and pages that are added. Answers GET and HEAD only. Four threads of
/// its own, which run the pages' functions.
class HttpServer {
 public:
  struct Parts {
    const Metrics& metrics;
    const Health& health;
  };
  using Page = std::function<HttpAnswer()>;

  /// `address` is "host:port" or "[v6]:port"; port 0 takes a free one. `title` heads the index.
  /// Error code "listen": the address is malformed or taken.
  static Result<std::unique_ptr<HttpServer>> Start(const std::string& address, std::string title,
                                                   Parts parts);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const;
  /// Serves `page` under `path` ("/status") as long as the server lives.
  void AddPage(std::string path, std::string summary, Page page);

 private:
  struct State;
  explicit HttpServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace penstock::process
