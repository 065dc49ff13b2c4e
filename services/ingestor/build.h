#pragma once

#include "base/result.h"
#include "process/service.h"

namespace penstock::ingestor {

/// Puts the ingestor together on Kafka and JetStream, and runs it until the context's stop.
Status BuildAndRun(const process::ServiceContext& context);

}  // namespace penstock::ingestor
