#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "io/key_value.h"
#include "jetstream/connection.h"
#include "model/pipeline_spec.h"
#include "telemetry/health.h"

namespace penstock::stage {

/// How to reach the servers of `urls` (comma separated), or, where that is empty, of the document,
/// as the client `client`. Without either there are no URLs in the result.
jetstream::NatsOptions NatsOptionsOf(const PipelineSpec& spec, const std::string& urls,
                                     const std::string& client);

/// Connects to the servers of `urls` (comma separated), or, where that is empty, of the document.
/// Waits, with a warning, while nobody answers; fails when the server refuses us or `stop` comes.
Result<std::unique_ptr<jetstream::Connection>> ConnectNats(const PipelineSpec& spec,
                                                           const std::string& urls,
                                                           const std::string& stage, Health& health,
                                                           const Clock& clock,
                                                           std::stop_token stop);

/// The pipeline's key-value bucket, which is made if it is not there. Waits out an unavailable
/// server until `stop`.
Result<std::unique_ptr<io::KeyValue>> OpenBucket(jetstream::Connection& nats,
                                                 const PipelineSpec& spec, const Clock& clock,
                                                 std::stop_token stop);

/// Makes the bucket again, empty, if it is gone; whoever has it open goes on with it. Asks once.
Status EnsureBucket(jetstream::Connection& nats, const PipelineSpec& spec);

}  // namespace penstock::stage
