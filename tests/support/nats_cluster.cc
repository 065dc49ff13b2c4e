#include "support/nats_cluster.h"

#include <array>

#include "base/format.h"

namespace penstock::testing {

NatsCluster::NatsCluster() {
  const std::array<int, 3> ports = {FreePort(), FreePort(), FreePort()};
  std::string routes;
  for (const int port : ports) routes += fmt::format("\"nats-route://127.0.0.1:{}\", ", port);
  for (std::size_t i = 0; i < ports.size(); ++i) {
    monitor_ports_.push_back(FreePort());
    nodes_.push_back(NatsServer::Start(
        {.config = fmt::format("server_name: n{}\nhttp: 127.0.0.1:{}\ncluster {{ name: c, listen: "
                               "127.0.0.1:{}, routes: [ {} ] }}",
                               i, monitor_ports_.back(), ports.at(i), routes)}));
  }
}

std::vector<std::string> NatsCluster::urls() const {
  std::vector<std::string> urls;
  for (const auto& node : nodes_) urls.push_back(node->url());
  return urls;
}

}  // namespace penstock::testing
