#include "support/servers.h"

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "base/clock.h"
#include "base/format.h"
#include "clickhouse/client.h"
#include "process/child_process.h"

namespace penstock::testing {

namespace {

constexpr std::chrono::minutes kStackPatience{3};

std::string Variable(const char* name) {
  const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return value == nullptr ? "" : value;
}

std::string Required(const char* name) {
  std::string value = Variable(name);
  if (!value.empty()) return value;
  throw std::runtime_error(
      fmt::format("{} is not set; start the servers and eval \"$(deploy/local/stack env)\"", name));
}

}  // namespace

bool Servers::AreThere() {
  return !Variable("PENSTOCK_KAFKA").empty() && !Variable("PENSTOCK_NATS").empty() &&
         !Variable("PENSTOCK_CLICKHOUSE_PORT").empty();
}

Servers Servers::FromEnvironment() {
  Servers servers;
  servers.kafka = Required("PENSTOCK_KAFKA");
  servers.nats = Required("PENSTOCK_NATS");
  servers.stack_folder = Required("PENSTOCK_STACK_DIR");
  servers.clickhouse.hosts = {Required("PENSTOCK_CLICKHOUSE_HOST")};
  servers.clickhouse.http_port =
      static_cast<std::uint16_t>(std::stoi(Required("PENSTOCK_CLICKHOUSE_PORT")));
  servers.clickhouse.username = Required("PENSTOCK_CLICKHOUSE_USER");
  servers.clickhouse.password = Required("PENSTOCK_CLICKHOUSE_PASSWORD");
  servers.clickhouse.database = ClickHouse::kDatabase;
  return servers;
}

void RunStack(const Servers& servers, std::vector<std::string> words) {
  process::ChildOptions options;
  options.name = "stack";
  options.argv = {PENSTOCK_SOURCE_DIR "/deploy/local/stack"};
  options.argv.insert(options.argv.end(), words.begin(), words.end());
  options.argv.insert(options.argv.end(), {"--dir", servers.stack_folder});
  std::string output;
  options.on_line = [&output](std::string_view line) { output.append(line).append("\n"); };
  auto child = process::ChildProcess::Start(options);
  if (!child.ok()) throw std::runtime_error(child.error().detail);
  process::ChildProcess stack = std::move(child).value();
  const auto ended = stack.Wait(SystemClock().Now() + kStackPatience);
  if (!ended || !ended->clean()) {
    throw std::runtime_error(fmt::format("stack {}: {}", fmt::join(words, " "), output));
  }
}

ClickHouse::ClickHouse(const Servers& servers) : connection_(servers.clickhouse) {
  connection_.database = "default";
  Query(fmt::format("CREATE DATABASE IF NOT EXISTS {}", kDatabase));
  connection_.database = kDatabase;
}

// A connection for each question: the server may have been restarted since the last one.
std::string ClickHouse::Query(std::string_view sql) const {
  auto answer = clickhouse::Client(connection_).Query(sql, {});
  if (!answer.ok()) throw std::runtime_error(fmt::format("{}: {}", sql, answer.error().detail));
  return std::move(answer).value();
}

std::vector<std::string> ClickHouse::Lines(std::string_view sql) const {
  std::istringstream answer(Query(sql));
  std::vector<std::string> lines;
  for (std::string line; std::getline(answer, line);) lines.push_back(std::move(line));
  return lines;
}

std::uint64_t ClickHouse::Number(std::string_view sql) const {
  const std::string answer = Query(sql);
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(answer.data(), answer.data() + answer.size(), number);
  if (parsed.ec != std::errc()) throw std::runtime_error(fmt::format("{}: {}", sql, answer));
  return number;
}

}  // namespace penstock::testing
