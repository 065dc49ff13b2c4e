#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "io/key_value.h"
#include "io/stream.h"
#include "model/pipeline_spec.h"

namespace penstock::ctl {

/// A connection to NATS, as far as the commands need one.
class Nats {
 public:
  virtual ~Nats() = default;
  virtual io::Streams& streams() = 0;
  virtual io::Publisher& publisher() = 0;
  /// The pipeline's key-value bucket, made where it is not there yet.
  virtual Result<std::unique_ptr<io::KeyValue>> OpenBucket() = 0;
};

/// Connects to the servers of `urls` (comma separated) or, where that is empty, of the document;
/// tries for `patience` while nobody answers, and until JetStream does. Error codes as in
/// jetstream::Connection.
using ConnectNats =
    std::function<Result<std::unique_ptr<Nats>>(const PipelineSpec& spec, const std::string& urls,
                                                Clock::Duration patience, std::stop_token stop)>;

}  // namespace penstock::ctl
