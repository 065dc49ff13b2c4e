#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/key_value.h"
#include "support/fault_script.h"

namespace penstock::testing {

/// A key-value bucket in memory, for stages under simulated faults: passes the same tests as the
/// real one (stream_conformance.h). Thread-safe.
class FakeKeyValue final : public io::KeyValue {
 public:
  enum class Telling : std::uint8_t {
    kThread,  ///< Each watch has a thread that tells changes, as the real one.
    kByHand,  ///< Changes wait for TellWatches, for tests with one thread.
  };

  explicit FakeKeyValue(Telling telling = Telling::kThread);
  /// Another client of the same bucket, with faults of its own.
  explicit FakeKeyValue(FakeKeyValue& bucket);
  ~FakeKeyValue() override;

  Result<std::optional<io::KeyValueEntry>> Get(const std::string& key) override;
  Result<std::uint64_t> Create(const std::string& key, std::string_view value) override;
  Result<std::uint64_t> Update(const std::string& key, std::string_view value,
                               std::uint64_t revision) override;
  Status Remove(const std::string& key) override;
  Result<std::unique_ptr<Watch>> WatchPrefix(const std::string& prefix,
                                             ChangeCallback on_change) override;

  /// What goes wrong with this client's calls: the methods' names, with the key.
  FaultScript& faults() { return faults_; }
  /// Updates that met FaultKind::kLate now arrive.
  void ApplyLate();
  /// With kByHand: tells every watch what it has not heard, in this thread.
  void TellWatches();
  /// All keys are gone, as when the bucket was lost and made anew. Revisions begin again.
  void LoseAll();
  /// The bucket itself is gone until Make: then it is empty.
  void Delete();
  void Make();
  std::map<std::string, std::string> Values() const;

 private:
  class Bucket;
  class FakeWatch;

  /// Does `write` unless a fault forbids it, and hides its result if a fault wants that.
  Result<std::uint64_t> Meet(std::string_view operation, const std::string& key,
                             std::function<Result<std::uint64_t>()> write);

  std::shared_ptr<Bucket> bucket_;  // Shared by all clients and their watches.
  FaultScript faults_;
  std::mutex mutex_;
  std::vector<std::function<Result<std::uint64_t>()>> late_;
};

}  // namespace penstock::testing
