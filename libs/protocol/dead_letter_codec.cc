#include "protocol/dead_letter_codec.h"

#include "base/format.h"
#include "base/text.h"

namespace penstock::protocol {

namespace {

void AppendName(std::string& out, std::string_view name) {
  if (out.back() != '{') out.push_back(',');
  AppendJsonString(out, name);
  out.push_back(':');
}

void AppendText(std::string& out, std::string_view name, std::string_view value) {
  AppendName(out, name);
  AppendJsonString(out, IsUtf8(value) ? std::string(value) : Base64Encode(value));
}

// Any bytes: as text where they are UTF-8, else base64 with `encoding_name` beside them.
void AppendBytes(std::string& out, std::string_view name, std::string_view value,
                 std::string_view encoding_name) {
  AppendText(out, name, value);
  if (!IsUtf8(value)) AppendText(out, encoding_name, "base64");
}

void AppendNumber(std::string& out, std::string_view name, std::int64_t value) {
  AppendName(out, name);
  out += fmt::format("{}", value);
}

}  // namespace

void AppendDeadLetterLine(std::string& out, const DeadLetter& letter,
                          std::string_view pipeline_id) {
  out.push_back('{');
  AppendText(out, "component", letter.component);
  AppendText(out, "error", letter.error);
  AppendBytes(out, "original_message", letter.original_message, "encoding");
  AppendText(out, "pipeline_id", pipeline_id);
  AppendText(out, "stage", letter.component);
  AppendText(out, "reason", ToText(letter.reason));
  if (!letter.column.empty()) AppendText(out, "column", letter.column);
  if (letter.code != 0) {
    AppendNumber(out, "code", letter.code);
    AppendText(out, "code_name", letter.code_name);
  }
  AppendText(out, "source_id", letter.origin.source_id);
  AppendText(out, "topic", letter.origin.topic);
  AppendNumber(out, "partition", letter.origin.partition);
  AppendNumber(out, "offset", letter.offset.rep());
  AppendText(out, "timestamp", FormatTimeMs(letter.timestamp_ms));
  AppendBytes(out, "key", letter.key, "key_encoding");
  AppendText(out, "time", FormatTimeMs(letter.time_ms));
  out += "}\n";
}

}  // namespace penstock::protocol
