#include "kafka/outside_client.h"

#include <array>
#include <utility>

#include "kafka/bearer_token.h"
#include "kafka/client_config.h"

namespace penstock::kafka {

Result<std::shared_ptr<Client>> OpenOutsideClient(const KafkaConnection& connection,
                                                  const std::string& group,
                                                  const std::string& client_id,
                                                  const Clock& clock) {
  PENSTOCK_ASSIGN_OR_RETURN(ClientConfig config, MakeConfig(connection, group, client_id));
  // Often one record is all that is wanted: nothing is gained by waiting for more.
  rd_kafka_conf_set(config.handle.get(), "fetch.min.bytes", "1", nullptr, 0);
  rd_kafka_conf_set_log_cb(config.handle.get(),
                           [](const rd_kafka_t*, int, const char*, const char*) {});
  std::array<char, 512> why{};
  rd_kafka_t* created =
      rd_kafka_new(RD_KAFKA_CONSUMER, config.handle.get(), why.data(), why.size());
  if (created == nullptr) {
    return Error{Remedy::kStop, "kafka_config", fmt::format("connection_params: {}", why.data())};
  }
  config.handle.release();  // NOLINT(bugprone-unused-return-value): the client owns it now.
  auto client = std::make_shared<Client>(created, std::move(config.files));
  if (UsesGivenToken(connection)) {
    PENSTOCK_RETURN_IF_ERROR(
        SetBearerToken(created, connection.password, connection.username, clock));
  }
  rd_kafka_set_log_queue(created, nullptr);
  rd_kafka_poll_set_consumer(created);
  return client;
}

}  // namespace penstock::kafka
