#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "ctl/test_cases.h"
#include "model/pipeline_spec.h"
#include "model/plan.h"

namespace penstock::ctl {

/// Sends the records of a case through the pipeline, from nothing, and says where what became of
/// them is not what was expected: a line each, none when all is right. Fails where no record is to
/// blame.
Result<std::vector<std::string>> RunCase(const PipelineSpec& spec, const PipelinePlan& plan,
                                         const TestCase& test);

}  // namespace penstock::ctl
