#pragma once

#include <string>
#include <vector>

#include "ctl/fleet.h"
#include "ctl/pipeline_run.h"
#include "model/plan.h"

namespace penstock::ctl {

/// The stages that a run of the pipeline needs, in the order in which rows flow; whoever sends is
/// stopped before whoever receives. `nats` is given to each of them; empty: they use the
/// document's.
std::vector<Fleet::Stage> RunStages(const RunOptions& options, const PipelinePlan& plan,
                                    const std::string& nats);

}  // namespace penstock::ctl
