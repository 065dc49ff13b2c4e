#pragma once

#include <cstdint>

namespace penstock::testing {

class ChaosWorld;

/// Compares what is in ClickHouse, and in the account, with what was sent: each key that the filter
/// keeps is there once. Differences, processes that ended by themselves or stopped badly, and
/// memory without a bound are failures of the running test. Prints what happened as a table.
void Judge(ChaosWorld& world, bool all_there);

}  // namespace penstock::testing
