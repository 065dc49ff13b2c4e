#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "jetstream/json_fields.h"

namespace penstock::jetstream {

// The codes of io/stream.h, each with its remedy.
Error Unavailable(std::string detail);
Error Refused(std::string detail);
Error NotFound(std::string detail);
Error Conflict(std::string detail);
Error TooLarge(std::string detail);

/// JetStream's own codes that callers tell apart
/// (https://github.com/nats-io/nats-server/blob/main/server/errors.json).
enum class ApiCode : int {
  kNone = 0,
  kAccountResourcesExceeded = 10002,
  kNoSuitablePeers = 10005,
  kInsufficientResources = 10023,
  kMaximumStreams = 10026,
  kMemoryResourcesExceeded = 10028,
  kNoMessageFound = 10037,
  kInsufficientStorage = 10047,
  kMessageTooLarge = 10054,
  kStreamNameInUse = 10058,
  kStreamNotFound = 10059,
  kSubjectsOverlap = 10065,
  kWrongLastSequence = 10071,
  kReplicasNotSupported = 10074,
  kStoreFailed = 10077,
};

/// The error in an answer, or kNone.
ApiCode ApiCodeOf(const JsonFields& answer);
/// `answer` has an error. `what` was asked for: "publish to a.b", "make stream S".
Error FromApi(const JsonFields& answer, std::string_view what);

}  // namespace penstock::jetstream
