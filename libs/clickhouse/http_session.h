#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "model/pipeline_spec.h"

namespace penstock::clickhouse {

struct HttpRequest {
  std::string url;
  std::vector<std::string> headers;  ///< "Name: value"
  std::string_view body;
  std::chrono::nanoseconds timeout{};  ///< For all of it.
  std::size_t max_answer_bytes = 0;
};

struct HttpAnswer {
  bool complete = false;  ///< A whole answer has come.
  bool stopped = false;   ///< The caller's stop ended it.
  bool sent = false;      ///< Something of the request left this process.
  std::string failure;    ///< Why there is no complete answer.
  int status = 0;
  int exception_code = 0;        ///< From X-ClickHouse-Exception-Code.
  std::string summary;           ///< X-ClickHouse-Summary.
  bool from_clickhouse = false;  ///< Some X-ClickHouse header came.
  std::string body;              ///< Cut at max_answer_bytes.
};

/// POST over kept-alive connections: the one place that knows libcurl. Ends within moments of a
/// stop. One owner thread.
class HttpSession {
 public:
  explicit HttpSession(const ClickHouseConnection& connection);
  ~HttpSession();

  HttpAnswer Post(const HttpRequest& request, std::stop_token stop);

 private:
  class Curl;
  std::unique_ptr<Curl> curl_;
};

}  // namespace penstock::clickhouse
