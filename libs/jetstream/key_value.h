#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "io/key_value.h"
#include "jetstream/bus.h"

namespace penstock::jetstream {

/// io::KeyValue over a bucket of JetStream, in the form that NATS's own tools read: a stream with
/// one message for each key. Reads ask the stream's leader, never a replica that may be behind.
/// A bucket that is gone is "not_found". Thread-safe.
class KeyValue final : public io::KeyValue {
 public:
  static Result<std::unique_ptr<KeyValue>> Open(Bus& bus, const std::string& bucket,
                                                std::uint32_t replicas);

  Result<std::optional<io::KeyValueEntry>> Get(const std::string& key) override;
  Result<std::uint64_t> Create(const std::string& key, std::string_view value) override;
  Result<std::uint64_t> Update(const std::string& key, std::string_view value,
                               std::uint64_t revision) override;
  Status Remove(const std::string& key) override;
  Result<std::unique_ptr<Watch>> WatchPrefix(const std::string& prefix,
                                             ChangeCallback on_change) override;

 private:
  /// The last message of a key, which may say that it was removed.
  struct Stored {
    io::KeyValueEntry entry;
    bool removed = false;
  };

  KeyValue(Bus& bus, const std::string& bucket);
  Result<std::optional<Stored>> GetStored(const std::string& key);
  Result<std::uint64_t> Put(const std::string& key, std::string_view value, const Header& header);
  Result<std::uint64_t> PutIfRevision(const std::string& key, std::string_view value,
                                      std::uint64_t revision);

  Bus& bus_;
  const std::string stream_;          ///< "KV_<bucket>"
  const std::string subject_prefix_;  ///< "$KV.<bucket>."
};

}  // namespace penstock::jetstream
