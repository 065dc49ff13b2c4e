#include "process/http_server.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <future>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include <civetweb.h>

#include "base/format.h"
#include "base/handle.h"
#include "process/http_get.h"

namespace penstock::process {

namespace {

std::string_view Reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

HttpAnswer ProbeAnswer(const std::vector<std::string>& why_not) {
  if (why_not.empty()) return {.body = "ok\n"};
  return {.status = 503, .body = fmt::format("{}\n", fmt::join(why_not, "\n"))};
}

void Send(mg_connection* connection, const HttpAnswer& answer, bool with_body) {
  const std::string head = fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n"
      "Connection: close\r\n\r\n",
      answer.status, Reason(answer.status), answer.content_type, answer.body.size());
  mg_write(connection, head.data(), head.size());
  if (with_body) mg_write(connection, answer.body.data(), answer.body.size());
}

// "::1" of "[::1]:9464".
std::string HostOf(const std::string& address) {
  const std::string host = address.substr(0, address.rfind(':'));
  return host.starts_with('[') && host.size() > 2 ? host.substr(1, host.size() - 2) : host;
}

}  // namespace

struct HttpServer::State {
  struct Entry {
    std::string summary;
    Page page;
  };

  State(std::string the_address, std::string the_title, Parts the_parts)
      : address(std::move(the_address)), title(std::move(the_title)), parts(the_parts) {}

  // The library's main thread looks for its end only every two seconds, unless somebody comes:
  // so we come, until it has gone.
  ~State() {
    if (context == nullptr) return;
    const std::string host = HostOf(address);
    const auto gone = std::async(std::launch::async, [this] { context.reset(); });
    while (gone.wait_for(std::chrono::milliseconds(5)) != std::future_status::ready) {
      [[maybe_unused]] const auto reply = HttpGet(host, port, "/", std::chrono::milliseconds(5));
    }
  }

  HttpAnswer Index() {
    std::string body = title + "\n\n";
    std::lock_guard lock(mutex);
    for (const auto& [path, entry] : pages) {
      body += fmt::format("{:<12} {}\n", path, entry.summary);
    }
    return {.body = std::move(body)};
  }

  HttpAnswer Answer(std::string_view path) {
    if (path == "/") return Index();
    Page page;
    {
      std::lock_guard lock(mutex);
      const auto found = pages.find(path);
      if (found == pages.end()) {
        return {.status = 404, .body = fmt::format("no page {}; / lists all\n", path)};
      }
      page = found->second.page;
    }
    return page();
  }

  // Runs on the server's threads; nothing may be thrown into the C library.
  static int Handle(mg_connection* connection, void* self) noexcept {
    const mg_request_info* const request = mg_get_request_info(connection);
    const std::string_view method = request->request_method;
    HttpAnswer answer;
    if (method != "GET" && method != "HEAD") {
      answer = {.status = 405, .body = "only GET and HEAD\n"};
    } else {
      try {
        answer = static_cast<State*>(self)->Answer(request->local_uri);
      } catch (const std::exception& failure) {
        answer = {.status = 500, .body = fmt::format("{}\n", failure.what())};
      }
    }
    Send(connection, answer, method != "HEAD");
    return answer.status;
  }

  void Note(const char* message) {
    std::lock_guard lock(mutex);
    if (fault.empty()) fault = message;
  }

  const std::string address;
  const std::string title;
  const Parts parts;
  std::mutex mutex;
  std::map<std::string, Entry, std::less<>> pages;  // Guarded by mutex.
  std::uint16_t port = 0;
  std::string fault;  // The first complaint of the library. Guarded by mutex.
  penstock::Handle<mg_context, mg_stop> context;
};

HttpServer::HttpServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpServer::~HttpServer() = default;

std::uint16_t HttpServer::port() const {
  return state_->port;
}

void HttpServer::AddPage(std::string path, std::string summary, Page page) {
  std::lock_guard lock(state_->mutex);
  state_->pages.insert_or_assign(std::move(path),
                                 State::Entry{std::move(summary), std::move(page)});
}

Result<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& address, std::string title,
                                                      Parts parts) {
  auto owned = std::make_unique<State>(address, std::move(title), parts);
  State& state = *owned;
  mg_callbacks callbacks{};
  callbacks.log_message = [](const mg_connection* connection, const char* message) {
    if (const auto* const context = mg_get_context(connection)) {
      static_cast<State*>(mg_get_user_data(context))->Note(message);
    }
    return 1;  // Not on to standard error.
  };
  // A client that says nothing or reads nothing holds a thread for as long as the time-out.
  std::array<const char*, 9> options{
      "listening_ports",   address.c_str(), "num_threads", "4", "request_timeout_ms", "5000",
      "linger_timeout_ms", "1000",          nullptr};
  state.context.reset(mg_start(&callbacks, &state, options.data()));
  std::array<mg_server_port, 1> ports{};
  if (state.context == nullptr ||
      mg_get_server_ports(state.context.get(), static_cast<int>(ports.size()), ports.data()) < 1) {
    std::lock_guard lock(state.mutex);
    return Error{Remedy::kStop, "listen",
                 fmt::format("cannot listen on {}, which must be a free address:port of this "
                             "machine{}{}",
                             address, state.fault.empty() ? "" : ": ", state.fault)};
  }
  state.port = static_cast<std::uint16_t>(ports[0].port);
  std::unique_ptr<HttpServer> server(new HttpServer(std::move(owned)));
  server->AddPage("/livez", "200 as long as every loop beats",
                  [&state] { return ProbeAnswer(state.parts.health.WhyNotLive()); });
  server->AddPage("/readyz", "200 when everything that it needs is there",
                  [&state] { return ProbeAnswer(state.parts.health.WhyNotReady()); });
  server->AddPage("/metrics", "for Prometheus", [&state] {
    return HttpAnswer{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                      .body = state.parts.metrics.Expose()};
  });
  mg_set_request_handler(state.context.get(), "/", State::Handle, &state);
  return server;
}

}  // namespace penstock::process
