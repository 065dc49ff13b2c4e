#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/pipeline_spec.h"
#include "model/plan.h"

namespace penstock::config {

struct StageInfo {
  std::string name;
  std::string reads;
  std::string writes;
  int threads = 0;
  std::uint64_t memory_bytes = 0;  ///< About the most that a process takes.
};

struct StreamInfo {
  std::string hop;
  std::uint32_t count = 0;
  std::uint64_t max_bytes = 0;  ///< Of each.
  std::string note;
};

/// What follows from a plan, for both forms of its description.
struct PlanFacts {
  std::vector<StageInfo> stages;    ///< In the order in which rows flow.
  std::vector<StreamInfo> streams;  ///< The same.
  /// Blocks a second, each of which is a part for each of its partitions, when every shard's blocks
  /// go out by age. Blocks that are full come on top.
  double blocks_by_age = 0;
};

PlanFacts MakeFacts(const PipelineSpec& spec, const PipelinePlan& plan, double cpus);

/// As the descriptions call it.
std::string_view PhysicalName(PhysicalType type);

}  // namespace penstock::config
