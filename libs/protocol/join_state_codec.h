#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/batch.h"

namespace penstock::protocol {

/// What the row store of a join says of itself: how far it has the shard's inputs.
struct JoinState {
  std::uint64_t layout = 0;  ///< How its rows are packed; rows of another layout cannot be read.
  std::array<std::uint64_t, 2> next_number{1, 1};  ///< Of the rows of each side.
  JoinCheckpoint checkpoint;
};

/// Replaces what is in `out`.
void EncodeJoinState(const JoinState& state, std::string& out);
/// Error (kStop, "corrupt") also for a state of another version.
Result<JoinState> DecodeJoinState(std::string_view bytes);

}  // namespace penstock::protocol
