#pragma once

#include <cstddef>

#include "io/stream.h"
#include "jetstream/bus.h"

namespace penstock::jetstream {

/// io::Publisher over requests: every message is a request that JetStream answers when the message
/// is stored. Without expectations it is written from the caller's memory. Thread-safe.
class Publisher final : public io::Publisher {
 public:
  explicit Publisher(Bus& bus) : bus_(bus) {}

  void Publish(const io::PublishRequest& request, Clock::Duration timeout,
               DoneCallback done) override;
  Result<io::PublishAck> PublishAndWait(const io::PublishRequest& request,
                                        Clock::Duration timeout) override;
  std::size_t MaxPayload() const override { return bus_.link().max_payload(); }

 private:
  Bus& bus_;
};

/// The acknowledgement, or the error, that JetStream answered to a publish.
Result<io::PublishAck> ParsePublishAck(const Result<MessageHandle>& answer,
                                       std::string_view subject);

}  // namespace penstock::jetstream
