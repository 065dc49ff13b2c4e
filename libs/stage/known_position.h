#pragma once

#include <string>

#include "base/result.h"
#include "io/stream.h"
#include "model/batch.h"

namespace penstock::stage {

/// Whether the position still means this stream, of which `state` was just asked: it was not
/// replaced, and has not lost its end and been filled again. Fails while the server is unavailable.
Result<bool> IsKnown(io::Streams& streams, const std::string& stream, const io::StreamState& state,
                     const Position& position);

}  // namespace penstock::stage
