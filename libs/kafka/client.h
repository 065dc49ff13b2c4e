#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "kafka/private_files.h"
#include "kafka/rdkafka_handles.h"

namespace penstock::kafka {

/// Owns a librdkafka client, and the files it reads. Shared by the source and by the chunks that
/// it gave out: messages point into buffers of the client, which therefore goes with the last.
class Client {
 public:
  Client(rd_kafka_t* client, std::unique_ptr<PrivateFiles> files)
      : files_(std::move(files)), client_(client) {}
  ~Client() {
    if (!abandoned_) rd_kafka_destroy(client_);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  rd_kafka_t* get() const { return client_; }
  /// It cannot be ended without a crash or a wait without bound, so its threads stay until the
  /// process ends.
  void Abandon() { abandoned_ = true; }

 private:
  std::unique_ptr<PrivateFiles> files_;
  rd_kafka_t* client_;
  std::atomic<bool> abandoned_ = false;
};

}  // namespace penstock::kafka
