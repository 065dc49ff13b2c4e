#include "stage/known_position.h"

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

}  // namespace penstock::stage
