#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace penstock::process {

struct HttpReply {
  int status = 0;
  std::string body;
};

/// One GET of a page as HttpServer serves it: plain HTTP/1.0, a numeric address or "localhost", an
/// answer of at most 16 MiB. Error code "http", remedy kRetry: nobody listens, it took longer than
/// `timeout`, or the answer is no HTTP. Thread-safe.
Result<HttpReply> HttpGet(const std::string& host, std::uint16_t port, const std::string& path,
                          Clock::Duration timeout, const Clock& clock = SystemClock());

}  // namespace penstock::process
