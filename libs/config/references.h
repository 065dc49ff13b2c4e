#pragma once

#include "config/node.h"
#include "config/pipeline.h"

namespace penstock::config {

/// Replaces ${NAME} and ${file:/path} in every text below `root`; `$${` stands for a literal `${`.
/// A variable that is not set and a file that cannot be read are faults. What comes out of a
/// reference is not looked at again, and is marked so that no message shows it.
void ResolveReferences(Node& root, const ParseOptions& options, std::vector<Fault>& faults);

}  // namespace penstock::config
