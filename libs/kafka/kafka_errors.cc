#include "kafka/kafka_errors.h"

namespace penstock::kafka {
namespace {

struct Meaning {
  Remedy remedy;
  std::string_view code;
  std::string_view advice;  ///< What to do about it, after a semicolon.
};

Meaning MeaningOf(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
      return {Remedy::kRetry, "unavailable",
              "check the addresses in connection_params.brokers, the protocol (TLS or not) and the "
              "network; it is tried again by itself"};
    case RD_KAFKA_RESP_ERR__SSL:
      return {Remedy::kRetry, "unavailable",
              "check protocol, root_ca, client_cert and client_key; it is tried again by itself"};
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR_FOR_GROUP:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT:
      return {Remedy::kRetry, "unavailable", {}};
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      // A partition that was just added: the group may know of it before every broker does.
      return {Remedy::kRetry, "unknown_partition", {}};
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
    case RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST:
      return {Remedy::kRetry, "refused_commit", {}};
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
      return {Remedy::kStop, "not_authenticated",
              "check connection_params: protocol, mechanism, username and password"};
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return {Remedy::kStop, "not_authorized", "allow the user to Read and Describe the topic"};
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
      return {Remedy::kStop, "not_authorized", "allow the user to Read the consumer group"};
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return {Remedy::kStop, "not_authorized", "allow the user to Describe the cluster"};
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
      return {Remedy::kStop, "unknown_topic",
              "check the spelling, create the topic, or allow the user to Describe it"};
    case RD_KAFKA_RESP_ERR__FATAL:
      return {Remedy::kStop, "kafka_fatal", {}};
    case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
      return {
          Remedy::kStop, "group_in_use",
          "another kind of consumer uses this consumer_group; give the pipeline one of its own"};
    default:
      return {Remedy::kRetry, "kafka", {}};
  }
}

}  // namespace

Error FromKafka(rd_kafka_resp_err_t code, std::string_view what, std::string_view detail) {
  const Meaning meaning = MeaningOf(code);
  std::string text = fmt::format("{}: {}", what, detail.empty() ? rd_kafka_err2str(code) : detail);
  if (!meaning.advice.empty()) text += fmt::format("; {}", meaning.advice);
  return {meaning.remedy, meaning.code, std::move(text)};
}

}  // namespace penstock::kafka
