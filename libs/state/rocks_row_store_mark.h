#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/plan.h"
#include "state/row_run.h"

namespace penstock::state {

/// The runs of RocksRowStore are named by side and slice of time in one.
inline std::int64_t SliceKey(Side side, std::int64_t slice) {
  return 2 * slice + static_cast<std::int64_t>(side);
}
inline Side SideOf(std::int64_t slice_key) {
  return static_cast<Side>(slice_key & 1);
}
/// After all of them: the newest run of this slice is the mark. It says what is in the store.
inline constexpr std::int64_t kMarkSlice = std::numeric_limits<std::int64_t>::max();

struct Mark {
  struct OfRun {
    std::int64_t slice = 0;
    std::uint64_t number = 0;
    std::uint64_t live_rows = 0;
    std::uint64_t live_bytes = 0;
    std::vector<std::uint64_t> removed;
  };
  std::string state;
  std::vector<OfRun> runs;
};

using SliceSizes = std::array<std::int64_t, 2>;  ///< In ms, of either side.

void AppendMark(const SliceSizes& slices, std::string_view state,
                std::span<const RowRun* const> runs, std::string& out);
/// Error: what is wrong with it, for people; "corrupt".
Result<Mark> ReadMark(std::string_view bytes, const SliceSizes& slices,
                      const std::filesystem::path& folder);

}  // namespace penstock::state
