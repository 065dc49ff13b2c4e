#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "ctl/dlq_command.h"
#include "ctl/nats.h"
#include "io/consumer_group.h"

namespace penstock::ctl {

/// Opens a source's consumer group, without joining it.
using OpenGroup =
    std::function<Result<std::unique_ptr<io::ConsumerGroup>>(const SourceSpec& source)>;

/// What the commands that look at a pipeline's offsets need of Kafka.
struct KafkaOpeners {
  OpenRecords records;
  OpenGroup group;
};

/// `penstock verify`; the result is the exit code.
int VerifyCommand(const ConnectNats& connect, const KafkaOpeners& open,
                  std::span<const std::string_view> args);

}  // namespace penstock::ctl
