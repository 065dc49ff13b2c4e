#include "jetstream/key_value.h"

#include <algorithm>
#include <utility>

#include "base/format.h"
#include "jetstream/errors.h"
#include "jetstream/key_value_watch.h"
#include "jetstream/publisher.h"
#include "jetstream/streams.h"

namespace penstock::jetstream {
namespace {

constexpr const char* kExpectedRevision = "Nats-Expected-Last-Subject-Sequence";
constexpr const char* kOperation = "KV-Operation";

std::string BucketConfig(const std::string& stream, const std::string& subject_prefix,
                         std::uint32_t replicas) {
  return fmt::format(
      R"({{"name":{},"subjects":[{}],"retention":"limits","discard":"new","storage":"file",)"
      R"("max_msgs_per_subject":1,"max_bytes":-1,"max_msgs":-1,"max_consumers":-1,"max_age":0,)"
      R"("num_replicas":{},"allow_rollup_hdrs":true,"deny_delete":true,"allow_direct":true,)"
      R"("duplicate_window":120000000000}})",
      Quoted(stream), Quoted(subject_prefix + ">"), replicas);
}

bool TooManyReplicas(ApiCode code) {
  return code == ApiCode::kNoSuitablePeers || code == ApiCode::kReplicasNotSupported ||
         code == ApiCode::kInsufficientResources;
}

Status CheckKey(std::string_view key) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-/_=.").find(c) != std::string_view::npos;
  };
  bool valid =
      !key.empty() && key.front() != '.' && key.back() != '.' && key.find("..") == key.npos;
  for (const char c : key) valid = valid && good(c);
  if (valid) return Done();
  return Refused(
      fmt::format("'{}' is not a key: letters, digits and -/_= in tokens with . between", key));
}

}  // namespace

KeyValue::KeyValue(Bus& bus, const std::string& bucket)
    : bus_(bus), stream_("KV_" + bucket), subject_prefix_(fmt::format("$KV.{}.", bucket)) {}

Result<std::unique_ptr<KeyValue>> KeyValue::Open(Bus& bus, const std::string& bucket,
                                                 std::uint32_t replicas) {
  PENSTOCK_RETURN_IF_ERROR(CheckKey(bucket));
  std::unique_ptr<KeyValue> opened(new KeyValue(bus, bucket));
  const std::string& stream = opened->stream_;
  PENSTOCK_ASSIGN_OR_RETURN(JsonFields info, bus.CallApi("STREAM.INFO." + stream, ""));
  const bool exists = ApiCodeOf(info) != ApiCode::kStreamNotFound;
  if (exists && info.Find("error.code").has_value()) return FromApi(info, "bucket " + bucket);
  // More servers may have come since it was made. Fewer than wanted is no reason to fail.
  if (exists) replicas = ReplicasToAsk(info, replicas);
  if (exists && info.Unsigned("config.num_replicas") >= replicas) return opened;
  const std::string verb = exists ? "STREAM.UPDATE." : "STREAM.CREATE.";
  // Two would be lost when either is: from three to one.
  for (; replicas > 0; replicas -= std::min(replicas, replicas > 2 ? 2U : 1U)) {
    const std::string config = BucketConfig(stream, opened->subject_prefix_, replicas);
    PENSTOCK_ASSIGN_OR_RETURN(const JsonFields made, bus.CallApi(verb + stream, config));
    const ApiCode code = ApiCodeOf(made);
    const bool good = !made.Find("error.code").has_value() || code == ApiCode::kStreamNameInUse;
    if (good || exists) return opened;
    if (replicas > 1 && TooManyReplicas(code)) continue;
    return FromApi(made, "make bucket " + bucket);
  }
  return Refused("make bucket " + bucket + ": 0 replicas");
}

Result<std::optional<KeyValue::Stored>> KeyValue::GetStored(const std::string& key) {
  PENSTOCK_RETURN_IF_ERROR(CheckKey(key));
  std::string headers;
  PENSTOCK_ASSIGN_OR_RETURN(
      std::optional<io::StreamMessage> message,
      GetMessage(bus_, stream_,
                 fmt::format(R"({{"last_by_subj":{}}})", Quoted(subject_prefix_ + key)), &headers));
  if (!message.has_value()) return std::optional<Stored>();
  const bool removed = headers.find(kOperation) != headers.npos;
  return std::optional(Stored{{std::move(message->data), message->seq.rep()}, removed});
}

Result<std::optional<io::KeyValueEntry>> KeyValue::Get(const std::string& key) {
  PENSTOCK_ASSIGN_OR_RETURN(std::optional<Stored> stored, GetStored(key));
  if (!stored.has_value() || stored->removed) return std::optional<io::KeyValueEntry>();
  return std::optional(std::move(stored->entry));
}

Result<std::uint64_t> KeyValue::Put(const std::string& key, std::string_view value,
                                    const Header& header) {
  PENSTOCK_RETURN_IF_ERROR(CheckKey(key));
  const std::string subject = subject_prefix_ + key;
  Result<io::PublishAck> ack = ParsePublishAck(
      bus_.RequestAndWait({subject, value, std::span(&header, 1)}, kApiTimeout), subject);
  if (ack.ok()) return ack.value().seq.rep();
  if (ack.error().code == "sequence") return Conflict(ack.error().detail);
  return std::move(ack).error();
}

Result<std::uint64_t> KeyValue::PutIfRevision(const std::string& key, std::string_view value,
                                              std::uint64_t revision) {
  return Put(key, value, {kExpectedRevision, fmt::format("{}", revision)});
}

Result<std::uint64_t> KeyValue::Create(const std::string& key, std::string_view value) {
  Result<std::uint64_t> created = PutIfRevision(key, value, 0);
  if (created.ok() || created.error().code != "conflict") return created;
  // A removed key leaves a message behind; it may be created above that.
  PENSTOCK_ASSIGN_OR_RETURN(const std::optional<Stored> stored, GetStored(key));
  if (!stored.has_value() || !stored->removed) return created;
  return PutIfRevision(key, value, stored->entry.revision);
}

Result<std::uint64_t> KeyValue::Update(const std::string& key, std::string_view value,
                                       std::uint64_t revision) {
  return PutIfRevision(key, value, revision);
}

Status KeyValue::Remove(const std::string& key) {
  Result<std::uint64_t> removed = Put(key, {}, {kOperation, "DEL"});
  if (!removed.ok()) return std::move(removed).error();
  return Done();
}

Result<std::unique_ptr<io::KeyValue::Watch>> KeyValue::WatchPrefix(const std::string& prefix,
                                                                   ChangeCallback on_change) {
  return std::unique_ptr<Watch>(std::make_unique<KeyValueWatch>(
      bus_, *this, stream_, subject_prefix_, prefix, std::move(on_change)));
}

}  // namespace penstock::jetstream
