#include "stage/load_pipeline.h"

#include "config/fault.h"
#include "config/pipeline.h"

namespace penstock::stage {

Result<PipelineSpec> LoadRunnablePipeline(const std::string& path) {
  config::Document document = config::ReadPipelineFile(path);
  const auto& faults = document.ok() ? document.not_built_yet : document.faults;
  if (faults.empty()) return std::move(document.spec);
  return Error{Remedy::kStop, "config", config::FaultsAsText(faults, path)};
}

}  // namespace penstock::stage
