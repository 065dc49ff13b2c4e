#pragma once

#include <cstddef>
#include <string_view>

#include <nats/nats.h>

#include "base/handle.h"

namespace penstock::jetstream {

using MessageHandle = Handle<natsMsg, natsMsg_Destroy>;
using OptionsHandle = Handle<natsOptions, natsOptions_Destroy>;

inline std::string_view ViewOf(const char* text) {
  return text == nullptr ? std::string_view() : std::string_view(text);
}
inline std::string_view SubjectOf(const MessageHandle& message) {
  return ViewOf(natsMsg_GetSubject(message.get()));
}
inline std::string_view ReplyOf(const MessageHandle& message) {
  return ViewOf(natsMsg_GetReply(message.get()));
}
inline std::string_view DataOf(const MessageHandle& message) {
  const char* data = natsMsg_GetData(message.get());
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(natsMsg_GetDataLength(message.get()))};
}
/// Empty if the message has no such header.
inline std::string_view HeaderOf(const MessageHandle& message, const char* name) {
  const char* value = nullptr;
  if (natsMsgHeader_Get(message.get(), name, &value) != NATS_OK) return {};
  return ViewOf(value);
}

}  // namespace penstock::jetstream
