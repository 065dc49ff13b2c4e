#pragma once

#include "base/result.h"
#include "process/service.h"

namespace penstock::sink {

/// Puts the sink together on JetStream and ClickHouse, and runs it until the context's stop.
Status BuildAndRun(const process::ServiceContext& context);

}  // namespace penstock::sink
