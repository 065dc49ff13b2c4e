#pragma once

#include <memory>
#include <optional>
#include <string>

#include "io/stream.h"
#include "jetstream/bus.h"

namespace penstock::jetstream {

/// io::Streams over JetStream's API. Where the server does not allow a changed limit the stream
/// stays as it is, and the state that Ensure gives tells. Thread-safe.
class Streams final : public io::Streams {
 public:
  explicit Streams(Bus& bus) : bus_(bus) {}

  Result<io::StreamState> Ensure(const io::StreamConfig& config) override;
  Result<io::StreamState> State(const std::string& stream) override;
  Result<std::optional<io::StreamMessage>> Get(const std::string& stream, StreamSeq seq) override;
  Result<std::optional<io::StreamMessage>> Last(const std::string& stream) override;
  Result<std::optional<io::StreamMessage>> LastOn(const std::string& stream,
                                                  const std::string& subject) override;
  Status Trim(const std::string& stream, StreamSeq keep_from) override;
  Status RemoveMessage(const std::string& stream, StreamSeq seq) override;
  Status Remove(const std::string& stream) override;
  std::unique_ptr<io::StreamReader> ReadFrom(const std::string& stream, StreamSeq from) override;

 private:
  Result<io::StreamState> Create(const io::StreamConfig& config);
  Result<JsonFields> InfoOfStreamBeingMade(const std::string& stream);
  Result<io::StreamState> Adapt(const io::StreamConfig& config, const JsonFields& info);
  Error NoRoom(const io::StreamConfig& config, const JsonFields& answer);

  Bus& bus_;
};

/// The state in an answer that describes a stream.
io::StreamState ParseStreamState(const JsonFields& info);
/// How many copies may be asked of an existing stream, from an answer that describes it. A server
/// without a cluster takes any number for one that exists, and has lost the stream when it starts
/// again.
std::uint32_t ReplicasToAsk(const JsonFields& info, std::uint32_t wanted);
/// One message by sequence, or the last of a subject: `selector` is the request's JSON. Its
/// headers, as text, come in `headers` when that is not null.
Result<std::optional<io::StreamMessage>> GetMessage(Bus& bus, const std::string& stream,
                                                    const std::string& selector,
                                                    std::string* headers);
/// `text` as a JSON string with its quotes.
std::string Quoted(std::string_view text);
/// Nanoseconds since the epoch from "2024-03-15T10:22:31.123456789Z"; 0 if it is not of this form.
std::int64_t ParseTimeNs(std::string_view text);

}  // namespace penstock::jetstream
