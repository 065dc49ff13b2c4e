#include "telemetry/log.h"

#include <atomic>
#include <cmath>
#include <memory>
#include <utility>

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/text.h"

namespace penstock {

namespace {

// Replaces what is no UTF-8, byte by byte, so that a line stays valid JSON.
std::string Utf8(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    std::size_t size = 1;
    while (size < 4 && size < text.size() && !IsUtf8(text.substr(0, size))) ++size;
    if (IsUtf8(text.substr(0, size))) {
      out.append(text.substr(0, size));
    } else {
      out += "\xEF\xBF\xBD";
      size = 1;
    }
    text.remove_prefix(size);
  }
  return out;
}

void AppendQuoted(std::string& out, std::string_view text) {
  AppendJsonString(out, IsUtf8(text) ? std::string(text) : Utf8(text));
}

// Whether `text` can stand behind "key=" without quotes.
bool IsPlain(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == '"' || byte == '\\' || byte == '=' || byte == 0x7F) return false;
  }
  return !text.empty() && IsUtf8(text);
}

spdlog::level::level_enum SpdLevel(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

// The logger behind the free functions. Replaced at start only (InitLogging), so that readers
// need no lock; the sinks of spdlog write a line under a mutex.
class Output {
 public:
  explicit Output(LogOptions options, spdlog::sink_ptr sink)
      : options_(std::move(options)), logger_("penstock", std::move(sink)) {
    logger_.set_pattern("%v");
    logger_.set_level(SpdLevel(options_.level));
    logger_.flush_on(spdlog::level::trace);
    // A log that cannot be written must not end the work, nor report itself to that log.
    logger_.set_error_handler([](const std::string&) {});
  }

  bool Enabled(LogLevel level) const { return level >= options_.level; }
  void Write(LogLevel level, std::string_view sentence, LogFields fields) {
    const std::string line =
        FormatLogLine(options_, SystemClock().WallMs(), level, sentence, fields);
    logger_.log(SpdLevel(level), spdlog::string_view_t(line.data(), line.size()));
  }

 private:
  const LogOptions options_;
  spdlog::logger logger_;
};

std::unique_ptr<Output> MakeStderrOutput(LogOptions options) {
  return std::make_unique<Output>(std::move(options),
                                  std::make_shared<spdlog::sinks::stderr_sink_mt>());
}

// Never destroyed: threads may log while the process exits.
std::unique_ptr<Output>& CurrentOutput() {
  static auto* const output = new std::unique_ptr<Output>(MakeStderrOutput({}));
  return *output;
}

std::string TextLine(const LogOptions& options, std::int64_t wall_ms, LogLevel level,
                     std::string_view sentence, LogFields fields) {
  std::string out = fmt::format("{} {:5} ", FormatTimeMs(wall_ms), ToText(level));
  if (!options.service.empty()) out += fmt::format("[{}] ", options.service);
  out += sentence;
  for (const LogField& field : fields) {
    out += fmt::format(" {}=", field.key);
    field.value.AppendText(out);
  }
  return out;
}

std::string JsonLine(const LogOptions& options, std::int64_t wall_ms, LogLevel level,
                     std::string_view sentence, LogFields fields) {
  std::string out =
      fmt::format(R"({{"time":"{}","level":"{}")", FormatTimeMs(wall_ms), ToText(level));
  if (!options.service.empty()) {
    out += R"(,"service":)";
    AppendQuoted(out, options.service);
  }
  out += R"(,"message":)";
  AppendQuoted(out, sentence);
  for (const LogField& field : fields) {
    out.push_back(',');
    AppendQuoted(out, field.key);
    out.push_back(':');
    field.value.AppendJson(out);
  }
  out.push_back('}');
  return out;
}

}  // namespace

Result<LogLevel> ParseLogLevel(std::string_view text) {
  for (const LogLevel level :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn, LogLevel::kError}) {
    if (text == ToText(level)) return level;
  }
  return Error{Remedy::kStop, "log",
               fmt::format("\"{}\" is no log level: debug, info, warn or error", text)};
}

Result<LogFormat> ParseLogFormat(std::string_view text) {
  if (text == "text") return LogFormat::kText;
  if (text == "json") return LogFormat::kJson;
  return Error{Remedy::kStop, "log", fmt::format("\"{}\" is no log format: text or json", text)};
}

std::string_view ToText(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

void LogValue::AppendText(std::string& out) const {
  switch (kind_) {
    case Kind::kText:
      if (IsPlain(text_)) {
        out += text_;
      } else {
        AppendQuoted(out, text_);
      }
      return;
    case Kind::kDuration:
      out += FormatDuration(std::chrono::nanoseconds(signed_));
      return;
    case Kind::kFloat:
      out += fmt::format("{}", float_);
      return;
    default:
      AppendJson(out);
  }
}

void LogValue::AppendJson(std::string& out) const {
  switch (kind_) {
    case Kind::kText:
      return AppendQuoted(out, text_);
    case Kind::kBool:
      out += signed_ != 0 ? "true" : "false";
      return;
    case Kind::kSigned:
      out += fmt::format("{}", signed_);
      return;
    case Kind::kUnsigned:
      out += fmt::format("{}", unsigned_);
      return;
    case Kind::kFloat:
      // JSON has no NaN and no infinity.
      out += std::isfinite(float_) ? fmt::format("{}", float_) : fmt::format("\"{}\"", float_);
      return;
    case Kind::kDuration:
      return AppendQuoted(out, FormatDuration(std::chrono::nanoseconds(signed_)));
  }
}

std::string FormatLogLine(const LogOptions& options, std::int64_t wall_ms, LogLevel level,
                          std::string_view sentence, LogFields fields) {
  return options.format == LogFormat::kJson ? JsonLine(options, wall_ms, level, sentence, fields)
                                            : TextLine(options, wall_ms, level, sentence, fields);
}

void InitLogging(LogOptions options) {
  CurrentOutput() = MakeStderrOutput(std::move(options));
}

Status InitLoggingToFile(LogOptions options, const std::string& path) {
  try {
    CurrentOutput() = std::make_unique<Output>(
        std::move(options), std::make_shared<spdlog::sinks::basic_file_sink_mt>(path));
    return Done{};
  } catch (const std::exception& failure) {
    return Error{Remedy::kStop, "log", fmt::format("cannot log into {}: {}", path, failure.what())};
  }
}

bool LogEnabled(LogLevel level) {
  return CurrentOutput()->Enabled(level);
}

void Log(LogLevel level, std::string_view sentence, LogFields fields) {
  Output& output = *CurrentOutput();
  if (output.Enabled(level)) output.Write(level, sentence, fields);
}

}  // namespace penstock
