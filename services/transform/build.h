#pragma once

#include <string>

#include "base/result.h"
#include "process/service.h"

namespace penstock::transform {

/// Beside the flags that every service has.
struct TransformOptions {
  std::string state_dir = "penstock-state";  ///< Of the dedup stores; a folder a shard below.
  std::string source;                        ///< Whose transform, where there are several.
};

/// Connects the transform to the real servers and runs it until it is stopped.
Status BuildAndRun(const process::ServiceContext& context, const TransformOptions& options);

}  // namespace penstock::transform
