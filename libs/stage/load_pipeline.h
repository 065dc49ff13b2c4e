#pragma once

#include <string>

#include "base/result.h"
#include "model/pipeline_spec.h"

namespace penstock::stage {

/// The document at `path`, if it has no fault and asks for nothing that this version cannot run.
/// Error code "config": every fault on a line of its own.
Result<PipelineSpec> LoadRunnablePipeline(const std::string& path);

}  // namespace penstock::stage
