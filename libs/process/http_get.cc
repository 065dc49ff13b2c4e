#include "process/http_get.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "process/file_descriptor.h"

namespace penstock::process {

namespace {

constexpr std::size_t kMostBytes = 16 << 20;

Error Failed(std::string detail) {
  return Error{Remedy::kRetry, "http", std::move(detail)};
}

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

Result<Address> Resolve(const std::string& host, std::uint16_t port) {
  const std::string numeric = host == "localhost" ? "127.0.0.1" : host;
  Address address;
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET, numeric.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    address.size = sizeof v4;
    std::memcpy(&address.storage, &v4, sizeof v4);
  } else if (inet_pton(AF_INET6, numeric.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    address.size = sizeof v6;
    std::memcpy(&address.storage, &v6, sizeof v6);
  } else {
    return Failed(fmt::format("\"{}\" is no numeric address", host));
  }
  return address;
}

// A non-blocking socket and the time that is left for all that happens on it.
class Connection {
 public:
  Connection(Clock::Time deadline, const Clock& clock) : deadline_(deadline), clock_(clock) {}

  Status Connect(const Address& address) {
    socket_ = FileDescriptor(
        socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const auto* const generic = reinterpret_cast<const sockaddr*>(&address.storage);
    if (connect(socket_.get(), generic, address.size) != 0 && errno != EINPROGRESS) {
      return Failed(std::strerror(errno));  // NOLINT(concurrency-mt-unsafe)
    }
    PENSTOCK_RETURN_IF_ERROR(Await(POLLOUT));
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return Failed(std::strerror(error));  // NOLINT(concurrency-mt-unsafe)
    return Done{};
  }

  Status Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      } else if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
        PENSTOCK_RETURN_IF_ERROR(Await(POLLOUT));
      } else {
        return Failed("the connection broke");
      }
    }
    return Done{};
  }

  Result<std::string> ReceiveAll() {
    std::string all;
    std::array<char, 16384> buffer{};
    while (true) {
      const ssize_t got = recv(socket_.get(), buffer.data(), buffer.size(), 0);
      if (got == 0) return all;
      if (got > 0) {
        all.append(buffer.data(), static_cast<std::size_t>(got));
        if (all.size() > kMostBytes) return Failed("the answer is too long");
      } else if (errno == EAGAIN || errno == EINTR) {
        PENSTOCK_RETURN_IF_ERROR(Await(POLLIN));
      } else {
        return Failed("the connection broke");
      }
    }
  }

 private:
  Status Await(short events) {
    pollfd fd{socket_.get(), events, 0};
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - clock_.Now()).count();
    if (left <= 0 || poll(&fd, 1, static_cast<int>(left)) == 0) return Failed("no answer in time");
    return Done{};
  }

  const Clock::Time deadline_;
  const Clock& clock_;
  FileDescriptor socket_;
};

Result<HttpReply> ParseReply(std::string_view text) {
  const auto end_of_head = text.find("\r\n\r\n");
  HttpReply reply;
  if (!text.starts_with("HTTP/1.") || end_of_head == text.npos || end_of_head < 12 ||
      std::from_chars(text.data() + 9, text.data() + 12, reply.status).ec != std::errc()) {
    return Failed("the answer is no HTTP");
  }
  reply.body = text.substr(end_of_head + 4);
  return reply;
}

Result<HttpReply> Get(const std::string& host, std::uint16_t port, const std::string& path,
                      Clock::Time deadline, const Clock& clock) {
  PENSTOCK_ASSIGN_OR_RETURN(const Address address, Resolve(host, port));
  Connection connection(deadline, clock);
  PENSTOCK_RETURN_IF_ERROR(connection.Connect(address));
  // 1.0: a server may not answer in chunks then.
  PENSTOCK_RETURN_IF_ERROR(connection.Send(fmt::format(
      "GET {} HTTP/1.0\r\nHost: {}:{}\r\nConnection: close\r\n\r\n", path, host, port)));
  PENSTOCK_ASSIGN_OR_RETURN(const std::string answer, connection.ReceiveAll());
  return ParseReply(answer);
}

}  // namespace

Result<HttpReply> HttpGet(const std::string& host, std::uint16_t port, const std::string& path,
                          Clock::Duration timeout, const Clock& clock) {
  auto reply = Get(host, port, path, clock.Now() + timeout, clock);
  if (reply.ok()) return reply;
  return std::move(reply).error().Within(fmt::format("GET {}:{}{}", host, port, path));
}

}  // namespace penstock::process
