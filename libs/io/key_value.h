#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace penstock::io {

struct KeyValueEntry {
  std::string value;
  std::uint64_t revision = 0;
};

/// A bucket of small values with compare-and-swap. Thread-safe; every call waits for its answer,
/// at most a few seconds. Error codes as in stream.h.
class KeyValue {
 public:
  virtual ~KeyValue() = default;

  virtual Result<std::optional<KeyValueEntry>> Get(const std::string& key) = 0;
  /// "conflict": the key exists. Gives the revision.
  virtual Result<std::uint64_t> Create(const std::string& key, std::string_view value) = 0;
  /// "conflict": the key's revision is another one. Gives the new revision.
  virtual Result<std::uint64_t> Update(const std::string& key, std::string_view value,
                                       std::uint64_t revision) = 0;
  virtual Status Remove(const std::string& key) = 0;

  /// Ends with its destructor, which waits for a running callback.
  class Watch {
   public:
    virtual ~Watch() = default;
  };
  using ChangeCallback =
      std::function<void(const std::string& key, const std::optional<KeyValueEntry>& entry)>;
  /// Calls `on_change`, from one other thread, with each key that starts with `prefix` and its
  /// present value, then with every change (an empty entry: removed). Survives reconnects: then
  /// present values may be told again; the last value of a key is always told.
  virtual Result<std::unique_ptr<Watch>> WatchPrefix(const std::string& prefix,
                                                     ChangeCallback on_change) = 0;
};

}  // namespace penstock::io
