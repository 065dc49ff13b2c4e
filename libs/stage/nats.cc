#include "stage/nats.h"

#include <utility>
#include <vector>

#include "base/patience.h"
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

Result<std::unique_ptr<io::KeyValue>> OpenBucketNow(jetstream::Connection& nats,
                                                    const PipelineSpec& spec) {
  return nats.OpenKeyValue(protocol::Bucket(spec.pipeline_id), kBucketReplicas);
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
  return WithPatience(
      clock, std::move(stop),
      [&](const Error& error) {
        reachable.Fails(error.detail);
        Log(LogLevel::kWarn, "Waiting for NATS.", {{"error", error.detail}});
      },
      [&] { return jetstream::Connection::Connect(options, clock); },
      Backoff(std::chrono::milliseconds(200), kLongestPause));
}

Result<std::unique_ptr<io::KeyValue>> OpenBucket(jetstream::Connection& nats,
                                                 const PipelineSpec& spec, const Clock& clock,
                                                 std::stop_token stop) {
  return WithPatience(
      clock, std::move(stop),
      [](const Error& error) {
        Log(LogLevel::kWarn, "Waiting for the key-value bucket.", {{"error", error.detail}});
      },
      [&] { return OpenBucketNow(nats, spec); });
}

Status EnsureBucket(jetstream::Connection& nats, const PipelineSpec& spec) {
  auto bucket = OpenBucketNow(nats, spec);
  if (bucket.ok()) return Done{};
  return std::move(bucket).error();
}

}  // namespace penstock::stage
