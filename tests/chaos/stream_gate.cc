#include "chaos/stream_gate.h"

#include <algorithm>
#include <cerrno>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/thread.h"

namespace penstock::testing {

namespace {

constexpr std::size_t kChunk = 1 << 16;
constexpr std::size_t kMostHeld = 1 << 20;  // One way of a connection.

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

int NewSocket() {
  return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

void SendAtOnce(int socket) {
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

// So that the other side sees a broken connection rather than an orderly end.
void Reset(int& socket) {
  if (socket < 0) return;
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  close(socket);
  socket = -1;
}

bool MayTryAgain() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ENOTCONN;
}

}  // namespace

StreamGate::StreamGate(std::uint16_t server_port, std::uint16_t port)
    : server_port_(server_port), listener_(NewSocket()) {
  sockaddr_in address = Loopback(port);
  socklen_t size = sizeof(address);
  const int on = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  PENSTOCK_CHECK(bind(listener_, AsAny(address), size) == 0 && listen(listener_, 128) == 0 &&
                     getsockname(listener_, AsAny(address), &size) == 0,
                 "a gate's port of 127.0.0.1 is free");
  port_ = ntohs(address.sin_port);
  PENSTOCK_CHECK(pipe2(wake_, O_CLOEXEC | O_NONBLOCK) == 0, "a pipe");
  thread_ = StartThread("gate", [this](std::stop_token stop) { Run(stop); });
}

StreamGate::~StreamGate() {
  thread_.request_stop();
  [[maybe_unused]] const ssize_t woken = write(wake_[1], "x", 1);
  thread_.join();
  for (Link& link : links_) Break(link);
  close(listener_);
  close(wake_[0]);
  close(wake_[1]);
}

void StreamGate::Set(Mode mode, std::chrono::milliseconds delay) {
  {
    const std::lock_guard lock(mutex_);
    wanted_ = mode;
    wanted_delay_ = delay;
  }
  [[maybe_unused]] const ssize_t woken = write(wake_[1], "x", 1);
}

void StreamGate::TakeMode() {
  Mode before = mode_;
  {
    const std::lock_guard lock(mutex_);
    mode_ = wanted_;
    delay_ = wanted_delay_;
  }
  if (mode_ == before) return;
  for (Link& link : links_) {
    if (mode_ == Mode::kCut || (before == Mode::kHalfOpen && link.server < 0)) link.broken = true;
    if (mode_ == Mode::kHalfOpen) Reset(link.server);
  }
}

void StreamGate::Run(const std::stop_token& stop) {
  std::vector<pollfd> polls;
  while (!stop.stop_requested()) {
    const bool still = mode_ == Mode::kBlackHole;
    polls = {{.fd = wake_[0], .events = POLLIN, .revents = 0},
             {.fd = still ? -1 : listener_, .events = POLLIN, .revents = 0}};
    for (const Link& link : links_) {
      polls.push_back(
          {.fd = still ? -1 : link.client, .events = EventsOf(link.up, link.down), .revents = 0});
      polls.push_back(
          {.fd = still ? -1 : link.server, .events = EventsOf(link.down, link.up), .revents = 0});
    }
    int timeout_ms = -1;
    if (const Clock::Time due = NextDue(); !still && due != Clock::Time::max()) {
      const auto wait = std::chrono::ceil<std::chrono::milliseconds>(due - SystemClock().Now());
      timeout_ms = static_cast<int>(std::clamp<std::int64_t>(wait.count(), 0, 1000));
    }
    poll(polls.data(), polls.size(), timeout_ms);
    char woken[64];
    while (read(wake_[0], woken, sizeof(woken)) > 0) continue;
    TakeMode();
    if (mode_ == Mode::kBlackHole) continue;
    std::size_t at = 2;
    for (Link& link : links_) {
      const short client_events = polls[at++].revents;
      const short server_events = polls[at++].revents;
      if (!link.broken) Serve(link, client_events, server_events);
      if (link.broken) Break(link);
    }
    links_.remove_if([](const Link& link) { return link.client < 0; });
    if ((polls[1].revents & POLLIN) != 0) Accept();
  }
}

// What has come is read while there is room; what is due is written.
short StreamGate::EventsOf(const Flow& in, const Flow& out) const {
  short events = 0;
  if (!in.ended && in.held < kMostHeld) events |= POLLIN;
  if (!out.chunks.empty() && out.chunks.front().due <= SystemClock().Now()) events |= POLLOUT;
  return events;
}

Clock::Time StreamGate::NextDue() const {
  Clock::Time next = Clock::Time::max();
  for (const Link& link : links_) {
    for (const Flow* const flow : {&link.up, &link.down}) {
      if (!flow->chunks.empty()) next = std::min(next, flow->chunks.front().due);
    }
  }
  // What is due already waits for room at its receiver, which poll tells.
  return next <= SystemClock().Now() ? Clock::Time::max() : next;
}

void StreamGate::Serve(Link& link, short client_events, short server_events) {
  constexpr short kSaysSomething = POLLIN | POLLHUP | POLLERR;
  if ((client_events & kSaysSomething) != 0 && !Read(link.client, link.up)) link.broken = true;
  if (link.server < 0) {
    // Nobody hears it.
    link.up = {};
    return;
  }
  if ((server_events & kSaysSomething) != 0) {
    if (!Read(link.server, link.down)) link.broken = true;
    if (mode_ == Mode::kCutAnswers && link.down.held > 0) link.broken = true;
  }
  if (link.broken) return;
  if (!Write(link.server, link.up) || !Write(link.client, link.down)) link.broken = true;
  if (link.up.closed && link.down.closed) link.broken = true;
}

bool StreamGate::Read(int from, Flow& flow) {
  if (flow.ended || flow.held >= kMostHeld) return true;
  std::string bytes(kChunk, '\0');
  const ssize_t size = recv(from, bytes.data(), bytes.size(), 0);
  if (size < 0) return MayTryAgain();
  if (size == 0) {
    flow.ended = true;
    return true;
  }
  bytes.resize(static_cast<std::size_t>(size));
  flow.held += bytes.size();
  const auto delay = mode_ == Mode::kDelay ? delay_ : std::chrono::milliseconds(0);
  flow.chunks.push_back({SystemClock().Now() + delay, std::move(bytes)});
  return true;
}

bool StreamGate::Write(int to, Flow& flow) {
  while (!flow.chunks.empty() && flow.chunks.front().due <= SystemClock().Now()) {
    std::string& bytes = flow.chunks.front().bytes;
    const ssize_t size = send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size < 0) return MayTryAgain();
    flow.held -= static_cast<std::size_t>(size);
    bytes.erase(0, static_cast<std::size_t>(size));
    if (!bytes.empty()) return true;
    flow.chunks.pop_front();
  }
  if (flow.ended && flow.chunks.empty() && !flow.closed) {
    shutdown(to, SHUT_WR);
    flow.closed = true;
  }
  return true;
}

void StreamGate::Accept() {
  for (int client = 0;
       (client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0;) {
    TakeMode();  // Who comes after Set finds what it set.
    Link link{.client = client, .server = NewSocket(), .up = {}, .down = {}, .broken = false};
    sockaddr_in address = Loopback(server_port_);
    const bool there =
        mode_ != Mode::kCut &&
        (connect(link.server, AsAny(address), sizeof(address)) == 0 || errno == EINPROGRESS);
    SendAtOnce(link.client);
    SendAtOnce(link.server);
    if (there) {
      links_.push_back(std::move(link));
    } else {
      Break(link);
    }
  }
}

void StreamGate::Break(Link& link) {
  Reset(link.client);
  Reset(link.server);
}

}  // namespace penstock::testing
