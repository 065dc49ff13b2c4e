#include "stage/dead_letters.h"

#include <utility>

#include "base/hash.h"
#include "base/patience.h"
#include "protocol/dead_letter_codec.h"
#include "telemetry/log.h"

namespace penstock::stage {

namespace {

constexpr auto kPublishTimeout = std::chrono::seconds(5);
// Escapes can make a byte six, base64 a third more: a quarter of the room always fits with them.
constexpr std::size_t kEscapeFactor = 8;

}  // namespace

void DeadLetterPacker::Add(DeadLetter letter) {
  std::string line;
  protocol::AppendDeadLetterLine(line, letter, pipeline_id_);
  if (line.size() > max_message_bytes_) {
    const std::size_t kept = max_message_bytes_ / kEscapeFactor;
    letter.error +=
        fmt::format(" (the first {} of {} bytes are shown)", kept, letter.original_message.size());
    letter.original_message.resize(std::min(kept, letter.original_message.size()));
    letter.key.resize(std::min(kept / 2, letter.key.size()));
    line.clear();
    protocol::AppendDeadLetterLine(line, letter, pipeline_id_);
  }
  if (messages_.empty() || messages_.back().lines.size() + line.size() > max_message_bytes_) {
    messages_.emplace_back();
  }
  Message& message = messages_.back();
  message.lines += line;
  message.id =
      Hash128Hex(fmt::format("{}|{}|{}|{}|{}", message.id, letter.component, ToText(letter.origin),
                             letter.origin.incarnation, letter.offset.rep()));
  bytes_ += line.size();
}

std::vector<DeadLetterPacker::Message> DeadLetterPacker::Take() {
  bytes_ = 0;
  return std::exchange(messages_, {});
}

Status SendDeadLetters(io::Publisher& publisher, const std::string& subject,
                       const std::vector<DeadLetterPacker::Message>& messages, const Clock& clock,
                       std::stop_token stop) {
  for (const DeadLetterPacker::Message& message : messages) {
    const io::PublishRequest request{
        .subject = subject, .data = message.lines, .expected_last = {}, .message_id = message.id};
    const auto ack = WithPatience(
        clock, stop,
        [&](const Error& error) {
          Log(LogLevel::kWarn, "A dead letter waits: JetStream does not take it.",
              {{"subject", subject}, {"error", error.detail}});
        },
        [&] { return publisher.PublishAndWait(request, kPublishTimeout); });
    if (!ack.ok()) return ack.error();
  }
  return Done{};
}

}  // namespace penstock::stage
