#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "kafka/client.h"
#include "model/pipeline_spec.h"

namespace penstock::kafka {

/// A consumer that joins no group, though librdkafka wants the name of one: it reads partitions
/// that it is told, and asks for the group's offsets. Fails with "kafka_config"; does not wait for
/// a broker.
Result<std::shared_ptr<Client>> OpenOutsideClient(const KafkaConnection& connection,
                                                  const std::string& group,
                                                  const std::string& client_id, const Clock& clock);

}  // namespace penstock::kafka
