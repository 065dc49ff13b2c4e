#pragma once

#include <span>
#include <string_view>

namespace penstock::ctl {

/// `penstock test FILE [CASES]`: runs a pipeline's own cases through the code of the stages,
/// without servers. Exit code 1: a case fails; 2: a file is faulty.
int TestCommand(std::span<const std::string_view> args);

}  // namespace penstock::ctl
