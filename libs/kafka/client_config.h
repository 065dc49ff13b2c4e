#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "kafka/private_files.h"
#include "kafka/rdkafka_handles.h"
#include "model/pipeline_spec.h"

namespace penstock::kafka {

struct ClientConfig {
  ConfHandle handle;
  /// Kerberos reads files, not text. To be kept as long as the client lives; may be empty.
  std::unique_ptr<PrivateFiles> files;
};

/// The settings of a connection as librdkafka's; without `group` for a client that only asks.
/// Fails with "kafka_config", naming the property.
Result<ClientConfig> MakeConfig(const KafkaConnection& connection, const std::string& group,
                                const std::string& client_id);

/// Whether the password is an OAUTHBEARER token, which the client is to be given with
/// SetBearerToken.
bool UsesGivenToken(const KafkaConnection& connection);

}  // namespace penstock::kafka
