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

/// Removes the messages below `keep_from`, which are done with, where the stream is still the one
/// that `position` speaks of: in another one the same numbers are messages that nobody has read.
/// "not_found": it is another one, gone, or shorter.
Status TrimDone(io::Streams& streams, const std::string& stream, const Position& position,
                StreamSeq keep_from);

}  // namespace penstock::stage
