#include "ctl/run_stages.h"

#include <algorithm>
#include <string_view>

#include "base/format.h"
#include "protocol/names.h"

namespace penstock::ctl {

namespace {

// Higher ones stop earlier.
enum Level : int { kSink = 1, kJoin, kTransform, kIngestor };

// As it can be in the names of processes, logs and folders.
std::string NameOf(const std::string& source_id) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  const bool usable = source_id.size() <= 40 && std::ranges::all_of(source_id, plain);
  return usable ? source_id : protocol::PipelineToken(source_id);
}

class Stages {
 public:
  Stages(const RunOptions& options, const std::string& nats) : options_(options), nats_(nats) {}

  Fleet::Stage Of(const std::string& program, std::uint32_t count, Level level) const {
    Fleet::Stage stage{
        .name = program,
        .argv = {options_.programs / ("penstock-" + program), "--pipeline", options_.file},
        .count = count,
        .level = level};
    if (!nats_.empty()) stage.argv.insert(stage.argv.end(), {"--nats", nats_});
    return stage;
  }
  // One of several by the same program, each for a source.
  Fleet::Stage OfSource(const std::string& program, const std::string& source_id,
                        std::uint32_t count, Level level) const {
    Fleet::Stage stage = Of(program, count, level);
    stage.name += "-" + NameOf(source_id);
    stage.argv.insert(stage.argv.end(), {"--source", source_id});
    return stage;
  }

 private:
  const RunOptions& options_;
  const std::string& nats_;
};

Fleet::Stage WithState(Fleet::Stage stage) {
  stage.has_state = true;
  return stage;
}

}  // namespace

std::vector<Fleet::Stage> RunStages(const RunOptions& options, const PipelinePlan& plan,
                                    const std::string& nats) {
  const Stages make(options, nats);
  std::vector<Fleet::Stage> stages;
  for (const SourcePlan& source : plan.sources) {
    stages.push_back(plan.sources.size() == 1 ? make.Of("ingestor", options.ingestors, kIngestor)
                                              : make.OfSource("ingestor", source.source_id,
                                                              options.ingestors, kIngestor));
  }
  if (plan.transform) {
    stages.push_back(WithState(make.Of("transform", options.transforms, kTransform)));
  }
  if (plan.join) {
    for (const JoinSidePlan* side : {&plan.join->left, &plan.join->right}) {
      if (!side->dedup) continue;
      stages.push_back(
          WithState(make.OfSource("transform", side->source_id, options.transforms, kTransform)));
    }
    stages.push_back(WithState(make.Of("join", options.joins, kJoin)));
  }
  stages.push_back(make.Of("sink", options.sinks, kSink));
  return stages;
}

}  // namespace penstock::ctl
