#include "jetstream/errors.h"

#include <utility>

#include "base/format.h"

namespace penstock::jetstream {

Error Unavailable(std::string detail) {
  return {Remedy::kRetry, "unavailable", std::move(detail)};
}
Error Refused(std::string detail) {
  return {Remedy::kStop, "refused", std::move(detail)};
}
Error NotFound(std::string detail) {
  return {Remedy::kStop, "not_found", std::move(detail)};
}
Error Conflict(std::string detail) {
  return {Remedy::kStop, "conflict", std::move(detail)};
}
Error TooLarge(std::string detail) {
  return {Remedy::kDeadLetter, "too_large", std::move(detail)};
}

ApiCode ApiCodeOf(const JsonFields& answer) {
  return static_cast<ApiCode>(answer.Unsigned("error.err_code"));
}

Error FromApi(const JsonFields& answer, std::string_view what) {
  std::string detail =
      fmt::format("{}: {} (JetStream error {})", what, answer.Text("error.description"),
                  answer.Unsigned("error.err_code"));
  switch (ApiCodeOf(answer)) {
    case ApiCode::kStoreFailed:
    case ApiCode::kInsufficientStorage:
    case ApiCode::kInsufficientResources:
    case ApiCode::kMemoryResourcesExceeded:
    case ApiCode::kAccountResourcesExceeded:
      return {Remedy::kRetry, "full", std::move(detail)};
    case ApiCode::kWrongLastSequence:
      return {Remedy::kStop, "sequence", std::move(detail)};
    case ApiCode::kStreamNotFound:
    case ApiCode::kNoMessageFound:
      return NotFound(std::move(detail));
    case ApiCode::kMessageTooLarge:
      return TooLarge(std::move(detail));
    case ApiCode::kMaximumStreams:
      return {Remedy::kStop, "no_room", std::move(detail)};
    case ApiCode::kNone:
    case ApiCode::kNoSuitablePeers:
    case ApiCode::kStreamNameInUse:
    case ApiCode::kSubjectsOverlap:
    case ApiCode::kReplicasNotSupported:
      break;
  }
  // 503 and 500: the servers are electing, starting or stopping.
  const std::uint64_t status = answer.Unsigned("error.code");
  if (status == 503 || status == 500) return Unavailable(std::move(detail));
  return Refused(std::move(detail));
}

}  // namespace penstock::jetstream
