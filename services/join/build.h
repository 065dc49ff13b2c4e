#pragma once

#include <string>

#include "base/result.h"
#include "process/service.h"

namespace penstock::join {

/// Beside the flags that every service has.
struct JoinOptions {
  std::string state_dir = "penstock-state";  ///< Of the row stores; a folder a shard below.
};

/// Connects the join to the real servers and runs it until it is stopped.
Status BuildAndRun(const process::ServiceContext& context, const JoinOptions& options);

}  // namespace penstock::join
