#pragma once

#include <memory>
#include <string>
#include <utility>

#include "io/key_value.h"
#include "sim/process.h"
#include "support/fake_key_value.h"

namespace penstock::sim {

/// The pipeline's bucket as one process sees it over the simulated network.
class KeyValue final : public io::KeyValue {
 public:
  KeyValue(Process& process, testing::FakeKeyValue& server) : process_(process), server_(server) {}

  Result<std::optional<io::KeyValueEntry>> Get(const std::string& key) override {
    return process_.Call<std::optional<io::KeyValueEntry>>(
        Process::Kind::kRead, [&server = server_, key] { return server.Get(key); });
  }
  Result<std::uint64_t> Create(const std::string& key, std::string_view value) override {
    return process_.Call<std::uint64_t>(
        Process::Kind::kWrite,
        [&server = server_, key, value = std::string(value)] { return server.Create(key, value); });
  }
  Result<std::uint64_t> Update(const std::string& key, std::string_view value,
                               std::uint64_t revision) override {
    return process_.Call<std::uint64_t>(
        Process::Kind::kWrite, [&server = server_, key, value = std::string(value), revision] {
          return server.Update(key, value, revision);
        });
  }
  Status Remove(const std::string& key) override {
    return process_.Call<Done>(Process::Kind::kWrite,
                               [&server = server_, key] { return server.Remove(key); });
  }

  // Changes are told late, and some only together with later ones.
  Result<std::unique_ptr<Watch>> WatchPrefix(const std::string& prefix,
                                             ChangeCallback on_change) override {
    return server_.WatchPrefix(
        prefix, [&process = process_, on_change = std::move(on_change)](
                    const std::string& key, const std::optional<io::KeyValueEntry>& entry) {
          process.Wait(std::chrono::milliseconds(Below(OneIn(8) ? 1000 : 5)));
          if (process.alive()) on_change(key, entry);
        });
  }

 private:
  Process& process_;
  testing::FakeKeyValue& server_;
};

}  // namespace penstock::sim
