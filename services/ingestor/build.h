#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"
#include "model/pipeline_spec.h"
#include "process/service.h"

namespace penstock::ingestor {

/// Beside the flags that every service has.
struct IngestorOptions {
  std::string source;  ///< The source_id; empty: the pipeline's only one.
};

/// The index of the source that is meant. Error code "usage": the sentence lists the pipeline's.
Result<std::size_t> ChooseSource(const PipelineSpec& spec, const std::string& source_id);

/// Puts the ingestor together on Kafka and JetStream, and runs it until the context's stop.
Status BuildAndRun(const process::ServiceContext& context, const IngestorOptions& options);

}  // namespace penstock::ingestor
