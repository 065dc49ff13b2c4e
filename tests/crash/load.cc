#include "crash/load.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <utility>

#include "base/format.h"
#include "base/hash.h"
#include "base/thread.h"
#include "base/wait.h"
#include "support/kafka_admin.h"
#include "support/service_process.h"

namespace penstock::testing {

namespace {

constexpr std::chrono::milliseconds kTick{10};
constexpr std::uint64_t kTicksASecond = 100;
constexpr std::uint64_t kFurthestRepeat = 1000;
constexpr std::chrono::seconds kBacklogPatience{60};

}  // namespace

Load::Load(std::string brokers, std::string topic, Options options)
    : brokers_(std::move(brokers)),
      topic_(std::move(topic)),
      options_(options),
      partitions_(options.partitions) {
  thread_ = StartThread("load", [this](std::stop_token stop) { Run(std::move(stop)); });
  WaitFor(
      "the backlog is in Kafka", [&] { return backlog_done_.load(); }, kBacklogPatience);
}

std::uint64_t Load::Finish() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  if (failure_) std::rethrow_exception(failure_);
  return sent_.load();
}

void Load::Run(std::stop_token stop) {
  try {
    Produce(std::move(stop));
  } catch (...) {
    failure_ = std::current_exception();
  }
  backlog_done_ = true;
}

// Idempotent: what Kafka has twice would be counted as our repeat. A new producer knows of all
// partitions that there are.
void Load::Produce(std::stop_token stop) {
  std::unique_ptr<KafkaProducer> producer;
  std::int32_t partitions = 0;
  const auto send = [&](std::uint64_t count) {
    if (const std::int32_t wanted = partitions_; partitions != wanted) {
      if (producer) producer->Flush();
      producer = std::make_unique<KafkaProducer>(
          brokers_,
          std::map<std::string, std::string>{{"enable.idempotence", "true"}, {"linger.ms", "5"}});
      partitions = wanted;
    }
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t draw = Hash64(fmt::format("{}/{}", options_.seed, sent_++));
      const bool again = distinct_ > 0 && (draw >> 32) % 100 < options_.repeat_percent;
      const std::uint64_t id =
          again ? distinct_ - 1 - (draw >> 40) % std::min(kFurthestRepeat, distinct_) : distinct_++;
      const auto partition =
          static_cast<std::int32_t>(draw % static_cast<std::uint64_t>(partitions));
      producer->Send(topic_, partition, {.value = RecordOf(options_.seed, id)});
    }
  };
  send(options_.backlog);
  producer->Flush();
  backlog_done_ = true;
  Clock::Time next = SystemClock().Now();
  while (WaitUntil(next += kTick, stop)) send(options_.per_second / kTicksASecond);
  producer->Flush();
}

// The text is of varying length and does not compress well, as real ones.
std::string Load::RecordOf(std::uint64_t seed, std::uint64_t id) {
  const std::uint64_t noise = Hash64(fmt::format("{}:{}", seed, id));
  return fmt::format(R"({{"id":{},"text":"row {} {:x}","amount":{}.25,"noise":"{:0{}x}"}})", id, id,
                     noise, noise % 1000, noise * 31, 16 + noise % 48);
}

}  // namespace penstock::testing
