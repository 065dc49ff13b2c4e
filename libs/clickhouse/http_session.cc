#include "clickhouse/http_session.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <mutex>

#include <curl/curl.h>

#include "base/check.h"
#include "base/handle.h"

namespace penstock::clickhouse {

namespace {

using Easy = Handle<CURL, curl_easy_cleanup>;
using Multi = Handle<CURLM, curl_multi_cleanup>;
using Headers = Handle<curl_slist, curl_slist_free_all>;

constexpr long kUploadBufferBytes = 512L << 10;
constexpr int kPollMs = 1000;  // A stop wakes the poll up; this only bounds a missed wake-up.
// Shorter than the server keeps an idle connection (3 s in old versions, 10 to 30 s later), so
// that a request seldom meets a connection that the server is closing.
constexpr long kMaxIdleSeconds = 8;

long ToMs(std::chrono::nanoseconds duration) {
  return std::max<long>(1, std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

// What one request collects.
struct Receiving {
  HttpAnswer* answer;
  std::size_t max_bytes;
};

std::size_t OnBody(const char* bytes, std::size_t, std::size_t size, void* user) {
  auto* receiving = static_cast<Receiving*>(user);
  std::string& body = receiving->answer->body;
  body.append(bytes,
              std::min(size, receiving->max_bytes - std::min(body.size(), receiving->max_bytes)));
  return size;
}

bool TakePrefix(std::string_view& line, std::string_view name) {
  const bool same = line.size() >= name.size() &&
                    std::equal(name.begin(), name.end(), line.begin(), [](char a, char b) {
                      return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b + 32) : b);
                    });
  if (same) line.remove_prefix(name.size());
  return same;
}

std::string_view Trimmed(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::size_t OnHeader(const char* bytes, std::size_t, std::size_t size, void* user) {
  HttpAnswer& answer = *static_cast<Receiving*>(user)->answer;
  std::string_view line(bytes, size);
  if (!TakePrefix(line, "x-clickhouse-")) return size;
  answer.from_clickhouse = true;
  if (TakePrefix(line, "exception-code:")) {
    const std::string_view code = Trimmed(line);
    std::from_chars(code.data(), code.data() + code.size(), answer.exception_code);
  } else if (TakePrefix(line, "summary:")) {
    answer.summary = Trimmed(line);
  }
  return size;
}

void InitLibraryOnce() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

}  // namespace

class HttpSession::Curl {
 public:
  explicit Curl(const ClickHouseConnection& connection)
      : easy_(MakeEasy()), multi_(curl_multi_init()) {
    PENSTOCK_CHECK(multi_ != nullptr, "libcurl has memory for a handle");
    CURL* const easy = easy_.get();
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    // The environment's proxy is for other things than the own database.
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, kUploadBufferBytes);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, kMaxIdleSeconds);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, ToMs(connection.connect_timeout));
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, OnBody);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, OnHeader);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error_.data());
    if (connection.secure) SetTls(connection);
  }

  HttpAnswer Post(const HttpRequest& request, std::stop_token stop) {
    HttpAnswer answer;
    Receiving receiving{&answer, request.max_answer_bytes};
    curl_slist* lines = curl_slist_append(nullptr, "Expect:");
    for (const std::string& header : request.headers) {
      lines = curl_slist_append(lines, header.c_str());
    }
    const Headers headers(lines);
    CURL* const easy = easy_.get();
    curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, ToMs(request.timeout));
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &receiving);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &receiving);
    error_[0] = '\0';
    const CURLcode result = Perform(stop);
    Fill(answer, result, stop.stop_requested());
    return answer;
  }

 private:
  static Easy MakeEasy() {
    InitLibraryOnce();
    Easy easy(curl_easy_init());
    PENSTOCK_CHECK(easy != nullptr, "libcurl has memory for a handle");
    return easy;
  }

  static void SetPem(CURL* easy, CURLoption option, const std::string& pem) {
    if (pem.empty()) return;
    // curl_blob has no const; with CURL_BLOB_COPY libcurl only reads.
    std::string copy = pem;
    curl_blob blob{copy.data(), copy.size(), CURL_BLOB_COPY};
    curl_easy_setopt(easy, option, &blob);
  }

  void SetTls(const ClickHouseConnection& connection) {
    CURL* const easy = easy_.get();
    SetPem(easy, CURLOPT_CAINFO_BLOB, connection.root_ca);
    SetPem(easy, CURLOPT_SSLCERT_BLOB, connection.client_cert);
    SetPem(easy, CURLOPT_SSLKEY_BLOB, connection.client_key);
    if (connection.skip_certificate_verification) {
      curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
      curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
  }

  // Runs the request to its end, or until the stop.
  CURLcode Perform(const std::stop_token& stop) {
    CURLM* const multi = multi_.get();
    sent_ = false;
    if (stop.stop_requested()) return CURLE_ABORTED_BY_CALLBACK;
    const std::stop_callback wake(stop, [multi] { curl_multi_wakeup(multi); });
    CURLcode result = CURLE_ABORTED_BY_CALLBACK;
    if (curl_multi_add_handle(multi, easy_.get()) != CURLM_OK) return CURLE_FAILED_INIT;
    for (int running = 1; running > 0 && !stop.stop_requested();) {
      if (curl_multi_perform(multi, &running) != CURLM_OK) break;
      if (running > 0) curl_multi_poll(multi, nullptr, 0, kPollMs, nullptr);
    }
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg == CURLMSG_DONE) result = message->data.result;
    }
    long sent = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_REQUEST_SIZE, &sent);
    sent_ = sent > 0;
    curl_multi_remove_handle(multi, easy_.get());
    return result;
  }

  void Fill(HttpAnswer& answer, CURLcode result, bool stopped) {
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    answer.status = static_cast<int>(status);
    answer.sent = sent_;
    answer.complete = result == CURLE_OK;
    if (answer.complete) return;
    answer.stopped = stopped;
    if (stopped) {
      answer.failure = "stopped while waiting for the answer";
    } else {
      answer.failure = error_[0] != '\0' ? error_.data() : curl_easy_strerror(result);
    }
  }

  std::array<char, CURL_ERROR_SIZE> error_{};
  Easy easy_;
  Multi multi_;
  bool sent_ = false;
};

HttpSession::HttpSession(const ClickHouseConnection& connection)
    : curl_(std::make_unique<Curl>(connection)) {}
HttpSession::~HttpSession() = default;

HttpAnswer HttpSession::Post(const HttpRequest& request, std::stop_token stop) {
  return curl_->Post(request, std::move(stop));
}

}  // namespace penstock::clickhouse
