#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "io/consumer_group.h"
#include "model/pipeline_spec.h"

namespace penstock::kafka {

/// The group's offsets in `topic`, without joining it. Fails with "kafka_config"; does not wait for
/// a broker.
Result<std::unique_ptr<io::ConsumerGroup>> OpenConsumerGroup(const KafkaConnection& connection,
                                                             const std::string& topic,
                                                             const std::string& group,
                                                             const Clock& clock = SystemClock());

}  // namespace penstock::kafka
