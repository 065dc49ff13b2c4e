#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include <sys/types.h>

namespace penstock::testing {

/// A real nats-server with JetStream, of a test's own: on a free port of 127.0.0.1, with a store
/// in a temporary folder. It dies with the test. One thread.
class NatsServer {
 public:
  struct Options {
    std::uint64_t max_payload = 8 * 1024 * 1024;
    std::string jetstream_config = {};  ///< Within jetstream { }: "max_file_store: 1MB".
    std::string config = {};            ///< Further lines: authorization, tls, cluster.
  };

  /// Ends the test process with a message when the server does not come up.
  static std::unique_ptr<NatsServer> Start(Options options);
  static std::unique_ptr<NatsServer> Start() { return Start(Options()); }
  ~NatsServer();
  NatsServer(const NatsServer&) = delete;
  NatsServer& operator=(const NatsServer&) = delete;

  std::string url() const;
  int port() const { return port_; }
  pid_t pid() const { return pid_; }
  const std::filesystem::path& folder() const { return folder_; }

  /// SIGKILL; returns when the process is gone.
  void Kill9();
  /// SIGTERM, the same.
  void Stop();
  /// After Kill9 or Stop: the same port and store; returns when it answers.
  void Restart();
  /// As whoever watches over it: starts it again when it has ended by itself. Whether it had.
  bool RestartIfItDied();
  /// The next Restart uses these instead.
  void Change(Options options) { options_ = std::move(options); }
  /// Stops its threads (SIGSTOP), as a machine that hangs does, and lets them go on.
  void Freeze();
  void Thaw();

 private:
  explicit NatsServer(Options options);
  void Launch();
  void WaitUntilItAnswers();
  void WriteConfig() const;
  void EndWith(int signal);

  Options options_;
  std::filesystem::path folder_;
  int port_ = 0;
  pid_t pid_ = 0;
};

/// A port of 127.0.0.1 that was free a moment ago.
int FreePort();

}  // namespace penstock::testing
