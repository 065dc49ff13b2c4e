#include "support/tcp_gate.h"

#include <charconv>
#include <optional>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/format.h"
#include "base/wait.h"

namespace penstock::testing {

namespace {

constexpr std::size_t kChunk = 1 << 16;

sockaddr_in Loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

sockaddr* AsAny(sockaddr_in& address) {
  return reinterpret_cast<sockaddr*>(&address);
}

bool Send(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
  return true;
}

// False at the end of the connection.
bool Receive(int socket, std::string& bytes) {
  char chunk[kChunk];
  const ssize_t size = recv(socket, chunk, sizeof(chunk), 0);
  if (size > 0) bytes.append(chunk, static_cast<std::size_t>(size));
  return size > 0;
}

std::optional<GateRequest> ReadRequest(int client) {
  std::string bytes;
  std::size_t end = std::string::npos;
  while ((end = bytes.find("\r\n\r\n")) == std::string::npos) {
    if (!Receive(client, bytes)) return std::nullopt;
  }
  GateRequest request{.head = bytes.substr(0, end + 2), .body = bytes.substr(end + 4)};
  constexpr std::string_view kLength = "Content-Length: ";
  std::size_t length = 0;
  if (const std::size_t at = request.head.find(kLength); at != std::string::npos) {
    const char* const digits = request.head.data() + at + kLength.size();
    std::from_chars(digits, request.head.data() + request.head.size(), length);
  }
  while (request.body.size() < length) {
    if (!Receive(client, request.body)) return std::nullopt;
  }
  return request;
}

// The server's whole answer; it closes the connection behind it, as it is asked to.
std::string AskServer(std::uint16_t port, const GateRequest& request) {
  const int server = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = Loopback(port);
  std::string answer;
  if (connect(server, AsAny(address), sizeof(address)) == 0 &&
      Send(server, request.head + "Connection: close\r\n\r\n") && Send(server, request.body)) {
    while (Receive(server, answer)) continue;
  }
  close(server);
  return answer;
}

// Closed so that the other side sees a broken connection rather than an orderly end.
void Break(int client) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

}  // namespace

GateVerdict GateVerdict::Status(int http_status, std::string_view body) {
  return {
      .kind = Kind::kAnswer,
      .answer = fmt::format("HTTP/1.1 {} X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{}",
                            http_status, body.size(), body)};
}

GateVerdict GateVerdict::Refuse(int code, std::string_view message, int http_status) {
  const std::string body = fmt::format("Code: {}. DB::Exception: {}", code, message);
  return {.kind = Kind::kAnswer,
          .answer = fmt::format("HTTP/1.1 {} X\r\nX-ClickHouse-Exception-Code: {}\r\n"
                                "Connection: close\r\nContent-Length: {}\r\n\r\n{}",
                                http_status, code, body.size(), body)};
}

TcpGate::TcpGate(std::uint16_t server_port, Judge judge)
    : server_port_(server_port),
      listener_(socket(AF_INET, SOCK_STREAM, 0)),
      judge_(std::move(judge)) {
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  PENSTOCK_CHECK(bind(listener_, AsAny(address), size) == 0 && listen(listener_, 64) == 0 &&
                     getsockname(listener_, AsAny(address), &size) == 0,
                 "loopback has a free port");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

TcpGate::~TcpGate() {
  ending_ = true;
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const int client : open_) shutdown(client, SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();
  close(listener_);
}

void TcpGate::Set(Judge judge) {
  const std::lock_guard lock(mutex_);
  judge_ = std::move(judge);
}

void TcpGate::SetForInserts(GateVerdict verdict) {
  Set([verdict = std::move(verdict)](const GateRequest& request) {
    return request.IsInsert() ? verdict : GateVerdict::Forward();
  });
}

void TcpGate::Accept() {
  while (true) {
    const int client = accept(listener_, nullptr, nullptr);
    if (client < 0) return;
    const std::lock_guard lock(mutex_);
    if (ending_) {
      close(client);
      return;
    }
    open_.push_back(client);
    threads_.emplace_back([this, client] { Serve(client); });
  }
}

GateVerdict TcpGate::JudgeOf(const GateRequest& request) {
  const std::lock_guard lock(mutex_);
  if (request.IsInsert()) ++inserts_;
  return judge_ ? judge_(request) : GateVerdict::Forward();
}

void TcpGate::Serve(int client) {
  if (const auto request = ReadRequest(client)) {
    const GateVerdict verdict = JudgeOf(*request);
    WaitUntil(SystemClock().Now() + verdict.delay, {});
    switch (verdict.kind) {
      case GateVerdict::Kind::kForward:
        Send(client, AskServer(server_port_, *request));
        break;
      case GateVerdict::Kind::kCutAnswer:
        AskServer(server_port_, *request);
        Break(client);
        break;
      case GateVerdict::Kind::kBreak:
        Break(client);
        break;
      case GateVerdict::Kind::kHang:
        Hold(client);
        break;
      case GateVerdict::Kind::kAnswer:
        Send(client, verdict.answer);
        break;
    }
  }
  const std::lock_guard lock(mutex_);
  open_.remove(client);
  close(client);
}

void TcpGate::Hold(int client) {
  std::string ignored;
  while (!ending_ && Receive(client, ignored)) continue;
}

}  // namespace penstock::testing
