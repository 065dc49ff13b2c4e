#include "stage/known_position.h"

#include "base/format.h"
#include "protocol/batch_codec.h"

namespace penstock::stage {

Result<bool> IsKnown(io::Streams& streams, const std::string& stream, const io::StreamState& state,
                     const Position& position) {
  if (position.created_ns != state.created_ns || position.seq > state.last) return false;
  if (position.seq.rep() == 0) return true;
  PENSTOCK_ASSIGN_OR_RETURN(const auto message, streams.Get(stream, position.seq));
  if (!message) return true;
  const auto envelope = protocol::ReadEnvelope(message->data);
  return envelope.ok() && envelope.value().digest == position.digest;
}

Status TrimDone(io::Streams& streams, const std::string& stream, const Position& position,
                StreamSeq keep_from) {
  PENSTOCK_ASSIGN_OR_RETURN(const io::StreamState state, streams.State(stream));
  if (state.created_ns != position.created_ns || state.last < position.seq) {
    return Error{
        Remedy::kStop, "not_found",
        fmt::format("stream {} is another one than was read, or has lost its end", stream)};
  }
  return streams.Trim(stream, keep_from);
}

}  // namespace penstock::stage
