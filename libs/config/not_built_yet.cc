#include "base/format.h"
#include "config/pipeline.h"

namespace penstock::config {

namespace {

void Add(std::vector<Fault>& missing, std::string path, std::string_view what) {
  missing.push_back({std::move(path), 0, 0,
                     fmt::format("{}: not built yet; this version runs Kafka sources", what)});
}

}  // namespace

std::vector<Fault> NotBuiltYet(const PipelineSpec& spec) {
  std::vector<Fault> missing;
  for (std::size_t i = 0; i < spec.sources.size(); ++i) {
    if (spec.sources[i].type != SourceType::kKafka) {
      Add(missing, fmt::format("sources[{}].type", i), "OTLP sources");
    }
  }
  return missing;
}

}  // namespace penstock::config
