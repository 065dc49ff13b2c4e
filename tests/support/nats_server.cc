#include "support/nats_server.h"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/format.h"
#include "base/wait.h"

namespace penstock::testing {
namespace {

constexpr std::chrono::seconds kStartTimeout{20};

const char* Binary() {
  const char* named = std::getenv("PENSTOCK_NATS_SERVER");  // NOLINT(concurrency-mt-unsafe)
  return named == nullptr ? "/usr/sbin/nats-server" : named;
}

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

/// Connects and waits for the first line; false when nobody is there.
bool Greets(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(port);
  const bool connected =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  std::array<char, 4> greeting{};
  const bool greeted = connected && recv(fd, greeting.data(), greeting.size(), MSG_WAITALL) == 4;
  close(fd);
  return greeted && std::string_view(greeting.data(), 4) == "INFO";
}

}  // namespace

int FreePort() {
  // Below the ports that the kernel gives to outgoing connections: one of those could take it
  // before the server does.
  std::random_device random;
  std::uniform_int_distribution<int> draw(20'000, 31'999);
  for (int attempt = 0; attempt < 1'000; ++attempt) {
    const int port = draw(random);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = Loopback(port);
    const bool bound = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    close(fd);
    if (bound) return port;
  }
  PENSTOCK_CHECK(false, "no free port on 127.0.0.1");
}

std::unique_ptr<NatsServer> NatsServer::Start(Options options) {
  std::unique_ptr<NatsServer> server(new NatsServer(std::move(options)));
  server->Launch();
  return server;
}

NatsServer::NatsServer(Options options) : options_(std::move(options)), port_(FreePort()) {
  std::string pattern = std::filesystem::temp_directory_path() / "penstock-nats-XXXXXX";
  PENSTOCK_CHECK(mkdtemp(pattern.data()) != nullptr, "no temporary folder");
  folder_ = pattern;
}

NatsServer::~NatsServer() {
  Kill9();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string NatsServer::url() const {
  return fmt::format("nats://127.0.0.1:{}", port_);
}

void NatsServer::WriteConfig() const {
  std::ofstream(folder_ / "nats.conf") << fmt::format(
      "listen: 127.0.0.1:{}\nmax_payload: {}\njetstream {{ store_dir: \"{}\"\n{}\n}}\n{}\n", port_,
      options_.max_payload, (folder_ / "store").string(), options_.jetstream_config,
      options_.config);
}

void NatsServer::Launch() {
  WriteConfig();
  const std::string config = folder_ / "nats.conf";
  const std::string log = folder_ / "nats.log";
  const std::array<const char*, 6> arguments = {Binary(), "-c",        config.c_str(),
                                                "--log",  log.c_str(), nullptr};
  const std::string output = folder_ / "output.txt";
  const int said = open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(said, STDOUT_FILENO);
    dup2(said, STDERR_FILENO);
    execv(arguments[0], const_cast<char* const*>(arguments.data()));
    _exit(127);
  }
  close(said);
  PENSTOCK_CHECK(pid_ > 0, "cannot fork");
  WaitUntilItAnswers();
}

void NatsServer::WaitUntilItAnswers() {
  const Clock& clock = SystemClock();
  const Clock::Time deadline = clock.Now() + kStartTimeout;
  while (!Greets(port_)) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) != 0) {
      std::ifstream output(folder_ / "output.txt");
      const std::string said((std::istreambuf_iterator<char>(output)), {});
      PENSTOCK_CHECK(false, fmt::format("nats-server ended at its start: {}", said));
    }
    PENSTOCK_CHECK(clock.Now() < deadline, "nats-server does not answer");
    WaitUntil(clock.Now() + std::chrono::milliseconds(10), {});
  }
}

void NatsServer::EndWith(int signal) {
  if (pid_ == 0) return;
  kill(pid_, signal);
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = 0;
}

void NatsServer::Kill9() {
  EndWith(SIGKILL);
}

void NatsServer::Stop() {
  EndWith(SIGTERM);
}

void NatsServer::Restart() {
  PENSTOCK_CHECK(pid_ == 0, "Restart of a server that runs");
  Launch();
}

bool NatsServer::RestartIfItDied() {
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) == 0) return false;
  pid_ = 0;
  Launch();
  return true;
}

// SIGSTOP reaches a process's threads one by one, after kill has returned.
void NatsServer::Freeze() {
  kill(pid_, SIGSTOP);
  int status = 0;
  PENSTOCK_CHECK(waitpid(pid_, &status, WUNTRACED) == pid_ && WIFSTOPPED(status),
                 "nats-server ended instead of stopping");
}

void NatsServer::Thaw() {
  kill(pid_, SIGCONT);
}

}  // namespace penstock::testing
