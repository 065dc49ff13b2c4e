#include "kafka/record_chunk.h"

#include <map>
#include <string_view>
#include <utility>

#include "base/text.h"

namespace penstock::kafka {
namespace {

/// What librdkafka keeps for a message besides key and value (its op, list links, heap overhead).
constexpr std::size_t kMessageOverheadBytes = 352;

std::string_view ViewOf(const void* bytes, std::size_t size) {
  return bytes == nullptr ? std::string_view()
                          : std::string_view(static_cast<const char*>(bytes), size);
}

/// Bytes that are not UTF-8 as base64, so that the object is always valid JSON.
void AppendText(std::string& out, std::string_view bytes) {
  AppendJsonString(out, IsUtf8(bytes) ? std::string(bytes) : Base64Encode(bytes));
}

}  // namespace

KafkaChunk::KafkaChunk(std::shared_ptr<Client> client, std::int32_t partition)
    : client_(std::move(client)), partition_(partition) {}

KafkaChunk::~KafkaChunk() {
  for (rd_kafka_message_t* message : messages_) rd_kafka_message_destroy(message);
}

void KafkaChunk::Add(rd_kafka_message_t* message) {
  messages_.push_back(message);
  records_.push_back({.offset = Offset(message->offset),
                      .timestamp_ms = rd_kafka_message_timestamp(message, nullptr),
                      .key = ViewOf(message->key, message->key_len),
                      .value = ViewOf(message->payload, message->len),
                      .has_value = message->payload != nullptr});
  bytes_ += message->key_len + message->len + kMessageOverheadBytes;
}

std::string KafkaChunk::HeadersJson(std::size_t index) const {
  rd_kafka_headers_t* headers = nullptr;
  std::string json = "{";
  if (rd_kafka_message_headers(messages_[index], &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    std::map<std::string_view, std::pair<const void*, std::size_t>> last;
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         ++i) {
      last[name] = {value, size};
    }
    for (const auto& [header, bytes] : last) {
      if (json.size() > 1) json += ',';
      AppendText(json, header);
      json += ':';
      if (bytes.first == nullptr) {
        json += "null";
      } else {
        AppendText(json, ViewOf(bytes.first, bytes.second));
      }
    }
  }
  json += '}';
  return json;
}

}  // namespace penstock::kafka
