#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/tagged.h"

namespace penstock {

/// What a reader does about a line: nothing (debug, info), nothing since it recovers alone
/// (warn), something, and the line says what (error).
enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError };
enum class LogFormat : std::uint8_t { kText, kJson };

/// "debug", "info", "warn", "error"; "text", "json". Error code "log".
Result<LogLevel> ParseLogLevel(std::string_view text);
Result<LogFormat> ParseLogFormat(std::string_view text);
std::string_view ToText(LogLevel level);

/// The value of a field: text, a number, a truth value or a duration. Borrows text: it lives
/// only as an argument of a call.
class LogValue {
 public:
  template <std::convertible_to<std::string_view> T>
  LogValue(const T& text)
      : kind_(Kind::kText), text_(text) {}  // NOLINT(google-explicit-constructor)
  LogValue(bool value)                      // NOLINT(google-explicit-constructor)
      : kind_(Kind::kBool), signed_(value ? 1 : 0) {}
  template <std::signed_integral T>
  LogValue(T value)
      : kind_(Kind::kSigned), signed_(value) {}  // NOLINT(google-explicit-constructor)
  template <std::unsigned_integral T>
  LogValue(T value)  // NOLINT(google-explicit-constructor)
      : kind_(Kind::kUnsigned), unsigned_(value) {}
  LogValue(double value)
      : kind_(Kind::kFloat), float_(value) {}  // NOLINT(google-explicit-constructor)
  template <typename Rep, typename Period>
  LogValue(std::chrono::duration<Rep, Period> value)  // NOLINT(google-explicit-constructor)
      : kind_(Kind::kDuration),
        signed_(std::chrono::duration_cast<std::chrono::nanoseconds>(value).count()) {}
  template <typename Tag, typename Rep>
  LogValue(Tagged<Tag, Rep> id) : LogValue(id.rep()) {}  // NOLINT(google-explicit-constructor)

  /// As in `key=value`: quoted where a blank, a quote or a control character would confuse.
  void AppendText(std::string& out) const;
  /// As a JSON value; text that is no UTF-8 has its bad bytes replaced.
  void AppendJson(std::string& out) const;

 private:
  enum class Kind : std::uint8_t { kText, kBool, kSigned, kUnsigned, kFloat, kDuration };

  Kind kind_;
  union {
    std::int64_t signed_ = 0;
    std::uint64_t unsigned_;
    double float_;
  };
  std::string_view text_;
};

struct LogField {
  std::string_view key;  ///< snake_case; not time, level, service or message.
  LogValue value;
};

/// The fields of one call, borrowed: `{{"host", host}, {"attempt", n}}` or a vector.
class LogFields {
 public:
  LogFields() = default;
  LogFields(std::initializer_list<LogField> fields) : fields_(fields.begin(), fields.size()) {}
  explicit LogFields(const std::vector<LogField>& fields) : fields_(fields) {}

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

 private:
  std::span<const LogField> fields_;
};

struct LogOptions {
  LogFormat format = LogFormat::kText;
  LogLevel level = LogLevel::kInfo;
  std::string service = {};  ///< In every line: "ingestor", "sink", …
};

/// Sets where lines go: standard error, so that a command's output stays apart. Once at start,
/// before other threads log; until then lines are text at level info.
void InitLogging(LogOptions options);
/// As InitLogging, but into a file (appended). For tests. Error code "log".
Status InitLoggingToFile(LogOptions options, const std::string& path);

bool LogEnabled(LogLevel level);

/// Writes one line: a sentence and its fields, as in
///   Log(LogLevel::kWarn, "ClickHouse does not answer; trying again.", {{"host", host}, {"attempt",
///   n}});
/// The sentence is constant text (what one searches for), what varies is in the fields. Never
/// pass a secret. Thread-safe; a line is written whole. Never throws.
void Log(LogLevel level, std::string_view sentence, LogFields fields = {});

/// The line itself, without a newline. What Log writes; public for tests.
std::string FormatLogLine(const LogOptions& options, std::int64_t wall_ms, LogLevel level,
                          std::string_view sentence, LogFields fields);

/// Lets one line an interval through for each key and counts the rest: for what repeats as long
/// as a pause lasts. The next line that gets through says `suppressed=N`. Thread-safe.
class LogEvery {
 public:
  explicit LogEvery(Clock::Duration interval = std::chrono::minutes(1),
                    const Clock& clock = SystemClock())
      : interval_(interval), clock_(clock) {}

  /// True: the line was written.
  bool Log(LogLevel level, std::string_view sentence, LogFields fields = {}) {
    return LogFor("", level, sentence, fields);
  }
  /// As Log, with an interval of its own for each `key` (a partition, a shard, a reason).
  bool LogFor(std::string_view key, LogLevel level, std::string_view sentence,
              LogFields fields = {});
  /// Forgets the interval of `key`: the next line about it is a new matter.
  void Reset(std::string_view key = "");

 private:
  struct Last {
    Clock::Time time{};
    std::uint64_t suppressed = 0;
  };

  const Clock::Duration interval_;
  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Last, std::less<>> last_;  // Guarded by mutex_; bounded.
};

}  // namespace penstock
