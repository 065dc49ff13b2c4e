#pragma once

#include <string>

#include "chaos/fault_kind.h"
#include "chaos/schedule.h"

namespace penstock::testing {

class ChaosWorld;

/// Lets it happen; what ends it comes later, by itself. What was done, for people; empty: there was
/// nothing to do it to.
std::string DoFault(ChaosWorld& world, FaultKind kind, Draw& draw);

}  // namespace penstock::testing
