#include "http_stub.h"

#include <charconv>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/format.h"

namespace penstock::clickhouse {

HttpStub::HttpStub(Answer answer)
    : answer_(std::move(answer)), listener_(socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  PENSTOCK_CHECK(bind(listener_, any, size) == 0 && listen(listener_, 16) == 0 &&
                     getsockname(listener_, any, &size) == 0,
                 "loopback has a free port");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

HttpStub::~HttpStub() {
  ending_ = true;
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const int connection : open_) shutdown(connection, SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();
  close(listener_);
}

void HttpStub::Accept() {
  for (;;) {
    const int connection = accept(listener_, nullptr, nullptr);
    if (connection < 0) return;
    ++connections_;
    const std::lock_guard lock(mutex_);
    if (ending_) {
      close(connection);
      return;
    }
    open_.push_back(connection);
    threads_.emplace_back([this, connection] { Serve(connection); });
  }
}

void HttpStub::Serve(int connection) {
  std::string received;
  const auto receive = [&] {
    char buffer[65536];
    const ssize_t size = recv(connection, buffer, sizeof(buffer), 0);
    if (size > 0) received.append(buffer, static_cast<std::size_t>(size));
    return size > 0;
  };
  for (bool open = true; open;) {
    std::size_t end = received.find("\r\n\r\n");
    while (end == std::string::npos && (open = receive())) end = received.find("\r\n\r\n");
    if (!open) break;
    Request request{received.substr(0, end + 2), {}};
    std::size_t length = 0;
    if (const std::size_t at = request.head.find("Content-Length: "); at != std::string::npos) {
      std::from_chars(request.head.data() + at + 16, request.head.data() + request.head.size(),
                      length);
    }
    received.erase(0, end + 4);
    while (received.size() < length && (open = receive())) {
    }
    if (!open) break;
    request.body = received.substr(0, length);
    received.erase(0, length);
    const std::string answer = answer_(request);
    if (answer == kHang) {
      while (receive()) {
      }
      break;
    }
    open = !answer.empty() && send(connection, answer.data(), answer.size(), MSG_NOSIGNAL) > 0 &&
           answer.find("Content-Length") != std::string::npos;
  }
  shutdown(connection, SHUT_RDWR);
  const std::lock_guard lock(mutex_);
  std::erase(open_, connection);
  close(connection);
}

std::string HttpText(int status, std::string_view headers, std::string_view body) {
  return fmt::format("HTTP/1.1 {} X\r\n{}Content-Length: {}\r\n\r\n{}", status, headers,
                     body.size(), body);
}

}  // namespace penstock::clickhouse
