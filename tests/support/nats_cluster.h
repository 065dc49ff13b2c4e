#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "support/nats_server.h"

namespace penstock::testing {

/// Three nats-servers of a test's own as one JetStream cluster. One thread.
class NatsCluster {
 public:
  NatsCluster();

  NatsServer& node(std::size_t index) { return *nodes_.at(index); }
  /// Where node `index` serves its state over HTTP: /jsz and others.
  int monitor_port(std::size_t index) const { return monitor_ports_.at(index); }
  std::size_t size() const { return nodes_.size(); }
  std::vector<std::string> urls() const;

 private:
  std::vector<std::unique_ptr<NatsServer>> nodes_;
  std::vector<int> monitor_ports_;
};

}  // namespace penstock::testing
