#include "protocol/names.h"

#include <cctype>

#include "base/format.h"
#include "base/hash.h"

namespace penstock::protocol {

namespace {

constexpr std::size_t kLongestToken = 40;
constexpr std::size_t kHashDigits = 8;

bool IsPlain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool CanBeCarried(std::string_view id) {
  if (id.empty() || id.size() > kLongestToken || !IsPlain(id.front()) || !IsPlain(id.back())) {
    return false;
  }
  for (const char c : id) {
    if (!IsPlain(c) && c != '-') return false;
  }
  return true;
}

}  // namespace

std::string_view ToText(Hop hop) {
  constexpr std::string_view kNames[] = {"in",      "left",     "right",     "out",       "keys",
                                         "left-in", "right-in", "left-keys", "right-keys"};
  return kNames[static_cast<std::size_t>(hop)];
}

std::string PipelineToken(std::string_view pipeline_id) {
  if (CanBeCarried(pipeline_id)) return std::string(pipeline_id);
  std::string head;
  for (const char c : pipeline_id) {
    const char lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (head.size() == kLongestToken - kHashDigits - 1) break;
    if (IsPlain(lower)) {
      head.push_back(lower);
    } else if (!head.empty() && head.back() != '-') {
      head.push_back('-');
    }
  }
  while (!head.empty() && head.back() == '-') head.pop_back();
  if (head.empty()) head = "pipeline";
  return fmt::format("{}-{:08x}", head, Hash64(pipeline_id) & 0xFFFFFFFFU);
}

std::string StreamName(std::string_view pipeline_id, Hop hop, ShardId shard) {
  return fmt::format("PENSTOCK-{}-{}-{}", PipelineToken(pipeline_id), ToText(hop), shard.rep());
}

std::string Subject(std::string_view pipeline_id, Hop hop, ShardId shard) {
  return fmt::format("penstock.{}.{}.{}", PipelineToken(pipeline_id), ToText(hop), shard.rep());
}

std::string Subject(std::string_view pipeline_id, Hop hop, ShardId shard, ShardId writer) {
  return fmt::format("{}.{}", Subject(pipeline_id, hop, shard), writer.rep());
}

std::string DeadLetterStream(std::string_view pipeline_id) {
  return fmt::format("PENSTOCK-{}-dlq", PipelineToken(pipeline_id));
}

std::string DeadLetterSubject(std::string_view pipeline_id, std::string_view stage) {
  return fmt::format("penstock.{}.dlq.{}", PipelineToken(pipeline_id), stage);
}

std::string Bucket(std::string_view pipeline_id) {
  return fmt::format("penstock-{}", PipelineToken(pipeline_id));
}

std::string ShardRecordKey(ShardId shard) {
  return fmt::format("{}{}", kShardRecordPrefix, shard.rep());
}

std::string OriginRecordKey(std::string_view source_id, std::int32_t partition) {
  return fmt::format("ingestor.{}.{}", PipelineToken(source_id), partition);
}

std::string MemberPrefix(std::string_view stage) {
  return fmt::format("member.{}.", stage);
}

std::string MemberKey(std::string_view stage, std::string_view member) {
  return fmt::format("{}{}", MemberPrefix(stage), member);
}

std::string LeasePrefix(std::string_view stage) {
  return fmt::format("lease.{}.", stage);
}

std::string LeaseKey(std::string_view stage, ShardId shard) {
  return fmt::format("{}{}", LeasePrefix(stage), shard.rep());
}

}  // namespace penstock::protocol
