#pragma once

#include <string>

#include "base/result.h"
#include "model/plan.h"

namespace penstock::transform {

/// What this process does of a pipeline's transforms: the one of `source_id`, or, where that is
/// empty, the only one; null where there is none. Borrowed from the plan. Error "usage" (kStop),
/// with the ids that may be named: several to choose from, or no such source.
Result<const TransformPlan*> ChoosePlan(const PipelinePlan& plan, const std::string& source_id);

}  // namespace penstock::transform
