#include "process/service.h"

#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/wait.h"
#include "process/http_get.h"

namespace penstock::process {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

using Body = std::function<Status(const ServiceContext&)>;

ServiceDescription Description() {
  return {.name = "sink",
          .summary = "Writes rows into ClickHouse.",
          .examples = {{"penstock-sink --pipeline orders.yaml", "the usual call"}},
          .add_flags = {},
          .load_pipeline = [](const std::string& path) -> Result<PipelineSpec> {
            if (path == "bad.yaml") {
              return Error{Remedy::kStop, "config", "line 1: no sink\nline 2: no source"};
            }
            PipelineSpec spec;
            spec.pipeline_id = "orders";
            return spec;
          }};
}

// RunService in a forked child, as an executable would call it: it changes signals and logging
// for good. Its standard error is what the test reads.
class RunningService {
 public:
  RunningService(std::vector<std::string> args, const Body& body) {
    std::array<int, 2> error{};
    std::array<int, 2> output{};
    EXPECT_EQ(pipe(error.data()), 0);
    EXPECT_EQ(pipe(output.data()), 0);
    pid_ = fork();
    if (pid_ == 0) {
      dup2(error[1], STDERR_FILENO);
      dup2(output[1], STDOUT_FILENO);
      args.insert(args.begin(), "penstock-sink");
      std::vector<char*> argv;
      for (std::string& arg : args) argv.push_back(arg.data());
      const int code = RunService(static_cast<int>(argv.size()), argv.data(), Description(), body);
      std::fflush(stdout);
      _exit(code);
    }
    close(error[1]);
    close(output[1]);
    error_ = error[0];
    output_ = output[0];
  }
  ~RunningService() {
    close(error_);
    close(output_);
  }

  void Send(int signal) const { kill(pid_, signal); }
  int ExitCode() {
    out = ReadAll(output_);
    err = ReadAll(error_);
    int status = 0;
    EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
    EXPECT_TRUE(WIFEXITED(status));
    return WEXITSTATUS(status);
  }

  std::string out;  // After ExitCode.
  std::string err;

 private:
  static std::string ReadAll(int fd) {
    std::string all;
    std::array<char, 4096> buffer{};
    for (ssize_t got = 0; (got = read(fd, buffer.data(), buffer.size())) > 0;) {
      all.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return all;
  }

  pid_t pid_ = 0;
  int error_ = -1;
  int output_ = -1;
};

std::vector<std::string> Args(std::vector<std::string> more = {}) {
  more.insert(more.end(), {"--pipeline", "orders.yaml", "--listen", "127.0.0.1:0"});
  return more;
}

Status Quick(const ServiceContext&) {
  return Done{};
}

TEST(ServiceTest, EachEndHasItsExitCode) {
  const struct {
    const char* name;
    std::vector<std::string> args;
    Body body;
    int code;
    const char* err;
  } cases[] = {
      {"clean", Args(), Quick, kExitOk, "Stopped."},
      {"failed", Args(),
       [](const ServiceContext&) -> Status {
         return Error{Remedy::kStop, "shards", "the streams have 12 shards, the pipeline 6"};
       },
       kExitFailure, "Ended by an error. code=shards error=\"the streams have 12 shards"},
      {"stopped while it waited", Args(),
       [](const ServiceContext&) -> Status {
         return Error{Remedy::kStop, "stopped", "the process is stopping"};
       },
       kExitOk, "Stopped."},
      {"defect", Args(), [](const ServiceContext&) -> Status { throw std::runtime_error("bug"); },
       kExitInternal, "exception=bug"},
      {"flag", Args({"--replica", "2/2"}), Quick, kExitUsage,
       "penstock-sink: --replica: must be i/n with i from 0 to n - 1, as in 0/2; is \"2/2\""},
      {"no document",
       {},
       Quick,
       kExitUsage,
       "penstock-sink: --pipeline FILE is missing (or PENSTOCK_PIPELINE=…)"},
      {"document",
       {"--pipeline", "bad.yaml"},
       Quick,
       kExitUsage,
       "The pipeline document is wrong. fault=\"line 2: no source\""},
      {"address",
       {"--pipeline", "a.yaml", "--listen", "1.2.3:http"},
       Quick,
       kExitFailure,
       "cannot listen on 1.2.3:http"},
      {"port file", Args({"--port-file", "/no/such/folder/port"}), Quick, kExitUsage,
       "cannot write the port file /no/such/folder/port"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    RunningService service(c.args, c.body);
    EXPECT_EQ(service.ExitCode(), c.code);
    EXPECT_THAT(service.err, HasSubstr(c.err));
  }
}

TEST(ServiceTest, HelpHasFlagsAndExamples) {
  RunningService service({"--help"}, Quick);
  EXPECT_EQ(service.ExitCode(), kExitOk);
  for (const char* part : {"Writes rows into ClickHouse.", "--replica I/N", "PENSTOCK_LISTEN",
                           "penstock-sink --pipeline orders.yaml"}) {
    EXPECT_THAT(service.out, HasSubstr(part));
  }
  RunningService version({"--version"}, Quick);
  EXPECT_EQ(version.ExitCode(), kExitOk);
  EXPECT_THAT(version.out, testing::MatchesRegex("penstock-sink [0-9.]+\n"));
}

TEST(ServiceTest, TheBodyGetsWhatTheFlagsSay) {
  RunningService service(Args({"--replica=1/3", "--nats", "nats://a,nats://b", "--workers", "5",
                               "--replica-name", "sink-1", "--lease-timeout", "5s"}),
                         [](const ServiceContext& context) -> Status {
                           const ServiceOptions& options = context.options;
                           const bool right =
                               options.replica == 1 && options.replicas == 3 &&
                               options.replica_name == "sink-1" &&
                               options.lease_timeout == std::chrono::seconds(5) &&
                               options.workers == 5 && options.nats == "nats://a,nats://b" &&
                               context.pipeline.pipeline_id == "orders" && context.http.port() != 0;
                           if (right) return Done{};
                           return Error{Remedy::kStop, "test", "not what the flags said"};
                         });
  EXPECT_EQ(service.ExitCode(), kExitOk) << service.err;
}

// How a test gives one replica of many another time of day than the rest.
TEST(ServiceTest, AClockMayBeWrongOnPurpose) {
  constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;
  const std::int64_t now = SystemClock().WallMs();
  RunningService service(Args({"--clock-offset-ms", "-86400000"}),
                         [now](const ServiceContext& context) -> Status {
                           const std::int64_t behind = now - context.clock.WallMs();
                           if (behind > kDayMs - 60'000 && behind <= kDayMs) return Done{};
                           return Error{Remedy::kStop, "test", fmt::format("{} ms", behind)};
                         });
  EXPECT_EQ(service.ExitCode(), kExitOk) << service.err;
  RunningService help({"--help"}, Quick);
  EXPECT_EQ(help.ExitCode(), kExitOk);
  EXPECT_THAT(help.out, testing::Not(HasSubstr("clock-offset")));
}

// From the start to a drain, as a pod lives: probes over loopback, one SIGTERM.
TEST(ServiceTest, ProbesFollowItsLife) {
  const auto port_file =
      std::filesystem::temp_directory_path() / fmt::format("penstock-port-{}", getpid());
  RunningService service(
      Args({"--port-file", port_file, "--log-format", "json"}),
      [](const ServiceContext& context) -> Status {
        const Clock::Time patience = context.clock.Now() + 60s;
        const Health::Heartbeat heartbeat = context.health.Watch("loop");
        const auto ready = [&] {
          return HttpGet("127.0.0.1", context.http.port(), "/readyz", 10s);
        };
        if (ready().value().status != 503) return Error{Remedy::kStop, "test", "ready too early"};
        const Health::Condition condition = context.health.Require("kafka");
        condition.Holds();
        if (ready().value().status != 200) return Error{Remedy::kStop, "test", "never ready"};
        context.metrics.AddCounter("penstock_sink_rows_in_total", "Rows.").Add(1);
        WaitUntil(patience, context.stop);
        const HttpReply draining = ready().value();
        if (draining.status == 503 && draining.body == "stopping: finishing what is in flight\n") {
          return Done{};
        }
        return Error{Remedy::kStop, "test", draining.body};
      });
  std::uint16_t port = 0;
  const auto deadline = SystemClock().Now() + 20s;
  while (port == 0 && SystemClock().Now() < deadline) {
    std::ifstream(port_file) >> port;
  }
  ASSERT_NE(port, 0);
  std::string metrics;
  while (metrics.find("rows_in_total") == metrics.npos && SystemClock().Now() < deadline) {
    const auto reply = HttpGet("127.0.0.1", port, "/metrics", 10s);
    if (reply.ok()) metrics = reply.value().body;
  }
  EXPECT_THAT(metrics,
              HasSubstr("penstock_sink_rows_in_total{pipeline=\"orders\",stage=\"sink\"} 1"));
  EXPECT_EQ(HttpGet("127.0.0.1", port, "/livez", 10s).value().status, 200);
  service.Send(SIGTERM);
  EXPECT_EQ(service.ExitCode(), kExitOk) << service.err;
  EXPECT_THAT(service.err, HasSubstr("\"service\":\"sink\",\"message\":\"Stopped.\"}"));
  std::filesystem::remove(port_file);
}

}  // namespace
}  // namespace penstock::process
