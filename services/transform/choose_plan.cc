#include "transform/choose_plan.h"

#include <algorithm>
#include <vector>

namespace penstock::transform {

namespace {

std::vector<const TransformPlan*> TransformsOf(const PipelinePlan& plan) {
  std::vector<const TransformPlan*> transforms;
  if (plan.transform) transforms.push_back(&*plan.transform);
  if (!plan.join) return transforms;
  if (plan.join->left.dedup) transforms.push_back(&*plan.join->left.dedup);
  if (plan.join->right.dedup) transforms.push_back(&*plan.join->right.dedup);
  return transforms;
}

}  // namespace

Result<const TransformPlan*> ChoosePlan(const PipelinePlan& plan, const std::string& source_id) {
  const std::vector<const TransformPlan*> transforms = TransformsOf(plan);
  std::vector<std::string> ids;
  for (const TransformPlan* transform : transforms) ids.push_back(transform->source_id);
  if (source_id.empty() && transforms.size() > 1) {
    return Error{Remedy::kStop, "usage",
                 fmt::format("--source is needed: one of {}", fmt::join(ids, ", "))};
  }
  if (source_id.empty()) return transforms.empty() ? nullptr : transforms.front();
  const auto chosen = std::ranges::find(ids, source_id);
  if (chosen != ids.end()) return transforms[static_cast<std::size_t>(chosen - ids.begin())];
  if (std::ranges::count(plan.sources, source_id, &SourcePlan::source_id) > 0) return nullptr;
  ids.clear();
  for (const SourcePlan& source : plan.sources) ids.push_back(source.source_id);
  return Error{Remedy::kStop, "usage",
               fmt::format("--source {}: the pipeline has no such source; it has {}", source_id,
                           fmt::join(ids, ", "))};
}

}  // namespace penstock::transform
