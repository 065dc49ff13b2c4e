#include "stage/nats.h"

#include <utility>
#include <vector>

#include "base/backoff.h"
#include "base/wait.h"
#include "protocol/names.h"
#include "telemetry/log.h"

namespace penstock::stage {

namespace {

// As many copies as NATS has to give, whatever the streams have: the bucket holds what cannot be
// read again from Kafka.
constexpr std::uint32_t kBucketReplicas = 3;
constexpr auto kLongestPause = std::chrono::seconds(10);

std::vector<std::string> SplitUrls(const std::string& text) {
  std::vector<std::string> urls;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    if (comma > at) urls.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return urls;
}

}  // namespace

jetstream::NatsOptions NatsOptionsOf(const PipelineSpec& spec, const std::string& urls,
                                     const std::string& client) {
  const NatsSpec& nats = spec.resources.nats;
  jetstream::NatsOptions options;
  options.urls = urls.empty() ? nats.urls : SplitUrls(urls);
  options.name = fmt::format("penstock-{}/{}", client, spec.pipeline_id);
  options.user = nats.username;
  options.password = nats.password;
  options.token = nats.token;
  options.credentials_file = nats.credentials_file;
  options.tls.enabled =
      !nats.root_ca.empty() || !nats.client_cert.empty() || nats.skip_tls_verification;
  options.tls.ca_file = nats.root_ca;
  options.tls.certificate_file = nats.client_cert;
  options.tls.key_file = nats.client_key;
  options.tls.skip_verification = nats.skip_tls_verification;
  return options;
}

Result<std::unique_ptr<jetstream::Connection>> ConnectNats(const PipelineSpec& spec,
                                                           const std::string& urls,
                                                           const std::string& stage, Health& health,
                                                           const Clock& clock,
                                                           std::stop_token stop) {
  const jetstream::NatsOptions options = NatsOptionsOf(spec, urls, stage);
  if (options.urls.empty()) {
    return Error{
        Remedy::kStop, "usage",
        "no NATS server is given: use --nats nats://host:4222, or resources.nats.url in the "
        "pipeline document"};
  }
  const Health::Condition reachable = health.Require("nats");
  Backoff backoff(std::chrono::milliseconds(200), kLongestPause);
  while (true) {
    auto connection = jetstream::Connection::Connect(options, clock);
    if (connection.ok() || connection.error().remedy != Remedy::kRetry) return connection;
    reachable.Fails(connection.error().detail);
    Log(LogLevel::kWarn, "Waiting for NATS.", {{"error", connection.error().detail}});
    if (!WaitUntil(clock.Now() + backoff.Next(), stop)) {
      return Error{Remedy::kStop, "stopped", "the process is stopping"};
    }
  }
}

Result<std::unique_ptr<io::KeyValue>> OpenBucket(jetstream::Connection& nats,
                                                 const PipelineSpec& spec, const Clock& clock,
                                                 std::stop_token stop) {
  Backoff backoff;
  while (true) {
    auto bucket = nats.OpenKeyValue(protocol::Bucket(spec.pipeline_id), kBucketReplicas);
    if (bucket.ok() || bucket.error().remedy != Remedy::kRetry) return bucket;
    Log(LogLevel::kWarn, "Waiting for the key-value bucket.", {{"error", bucket.error().detail}});
    if (!WaitUntil(clock.Now() + backoff.Next(), stop)) {
      return Error{Remedy::kStop, "stopped", "the process is stopping"};
    }
  }
}

}  // namespace penstock::stage
