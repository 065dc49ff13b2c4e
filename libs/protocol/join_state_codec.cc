#include "protocol/join_state_codec.h"

#include "base/bytes.h"
#include "protocol/section_codec.h"

namespace penstock::protocol {

namespace {

constexpr std::uint8_t kVersion = 1;

}  // namespace

void EncodeJoinState(const JoinState& state, std::string& out) {
  out.clear();
  AppendFixed(out, kVersion);
  AppendFixed(out, state.layout);
  for (const std::uint64_t number : state.next_number) AppendVarint(out, number);
  AppendJoinCheckpoint(out, state.checkpoint);
}

Result<JoinState> DecodeJoinState(std::string_view bytes) {
  ByteReader reader(bytes);
  JoinState state;
  const bool known = reader.Fixed<std::uint8_t>() == kVersion;
  state.layout = reader.Fixed<std::uint64_t>();
  for (std::uint64_t& number : state.next_number) number = reader.Varint();
  if (known) state.checkpoint = ReadJoinCheckpoint(reader);
  if (known && reader.ok() && reader.left() == 0) return state;
  return Error{Remedy::kStop, "corrupt",
               "the state of the join's store is not one of this version"};
}

}  // namespace penstock::protocol
