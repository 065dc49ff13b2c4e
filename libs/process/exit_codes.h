#pragma once

namespace penstock::process {

/// What the executables end with.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;  ///< It ran and failed; the last log line says why.
inline constexpr int kExitUsage =
    2;  ///< Flags or the pipeline document are wrong: no restart helps.
inline constexpr int kExitInternal = 70;  ///< A defect of the program itself.

}  // namespace penstock::process
