#include "jetstream/connection.h"

#include <utility>

#include "jetstream/bus.h"
#include "jetstream/key_value.h"
#include "jetstream/publisher.h"
#include "jetstream/streams.h"

namespace penstock::jetstream {

struct Connection::Parts {
  explicit Parts(std::unique_ptr<Bus> connected)
      : bus(std::move(connected)), publisher(*bus), streams(*bus) {}

  std::unique_ptr<Bus> bus;
  Publisher publisher;
  Streams streams;
};

Connection::Connection(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Connection::~Connection() = default;

Result<std::unique_ptr<Connection>> Connection::Connect(NatsOptions options, const Clock& clock) {
  PENSTOCK_ASSIGN_OR_RETURN(std::unique_ptr<Bus> bus, Bus::Connect(std::move(options), clock));
  return std::unique_ptr<Connection>(new Connection(std::make_unique<Parts>(std::move(bus))));
}

io::Publisher& Connection::publisher() {
  return parts_->publisher;
}

io::Streams& Connection::streams() {
  return parts_->streams;
}

Result<std::unique_ptr<io::KeyValue>> Connection::OpenKeyValue(const std::string& bucket,
                                                               std::uint32_t replicas) {
  PENSTOCK_ASSIGN_OR_RETURN(std::unique_ptr<KeyValue> opened,
                            KeyValue::Open(*parts_->bus, bucket, replicas));
  return std::unique_ptr<io::KeyValue>(std::move(opened));
}

ConnectionState Connection::State() const {
  return parts_->bus->link().State();
}

}  // namespace penstock::jetstream
