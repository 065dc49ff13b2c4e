#include "jetstream/streams.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>
#include <vector>

#include "base/format.h"
#include "base/text.h"
#include "base/wait.h"
#include "jetstream/errors.h"
#include "jetstream/stream_reader.h"

namespace penstock::jetstream {
namespace {

constexpr std::uint64_t kNoBound = 0;

std::string ConfigJson(const io::StreamConfig& config) {
  std::string subjects;
  for (const std::string& subject : config.subjects) {
    subjects += (subjects.empty() ? "" : ",") + Quoted(subject);
  }
  return fmt::format(
      R"({{"name":{},"subjects":[{}],"retention":"limits","discard":"new","storage":"{}",)"
      R"("max_bytes":{},"max_msgs":-1,"max_consumers":-1,"max_age":0,"num_replicas":{},)"
      R"("duplicate_window":{}}})",
      Quoted(config.name), subjects, config.memory_storage ? "memory" : "file",
      config.max_bytes == kNoBound ? "-1" : fmt::format("{}", config.max_bytes), config.replicas,
      std::chrono::nanoseconds(config.duplicate_window).count());
}

/// What of the existing stream differs from `config` and may be changed.
bool LimitsDiffer(const io::StreamConfig& config, const JsonFields& info) {
  const auto window =
      static_cast<std::uint64_t>(std::chrono::nanoseconds(config.duplicate_window).count());
  return info.Unsigned("config.max_bytes") != config.max_bytes ||
         std::max<std::uint64_t>(1, info.Unsigned("config.num_replicas")) != config.replicas ||
         info.Unsigned("config.duplicate_window") != window ||
         info.Unsigned("config.max_msgs") != kNoBound ||
         info.Unsigned("config.max_age") != kNoBound || info.Find("config.discard") != "new";
}

Status CheckServes(const io::StreamConfig& config, const JsonFields& info) {
  std::vector<std::string> wanted = config.subjects;
  std::vector<std::string> found = info.List("config.subjects");
  std::sort(wanted.begin(), wanted.end());
  std::sort(found.begin(), found.end());
  if (wanted != found) {
    return Refused(fmt::format(
        "stream {} is there with other subjects: {} instead of {}; remove it or name another",
        config.name, fmt::join(found, ", "), fmt::join(wanted, ", ")));
  }
  const std::string_view storage = config.memory_storage ? "memory" : "file";
  if (info.Find("config.storage") != storage) {
    return Refused(fmt::format("stream {} is there with {} storage instead of {}; remove it",
                               config.name, info.Text("config.storage"), storage));
  }
  if (info.Find("config.retention") != "limits") {
    return Refused(
        fmt::format("stream {} is there with retention {} instead of limits: it would "
                    "delete messages that are still needed; remove it",
                    config.name, info.Text("config.retention")));
  }
  return Done();
}

bool OutOfRoom(ApiCode code) {
  return code == ApiCode::kInsufficientStorage || code == ApiCode::kInsufficientResources ||
         code == ApiCode::kMemoryResourcesExceeded || code == ApiCode::kAccountResourcesExceeded;
}

std::string Bound(std::uint64_t bytes) {
  return bytes == kNoBound ? "none" : FormatSize(bytes);
}

}  // namespace

std::string Quoted(std::string_view text) {
  std::string quoted;
  AppendJsonString(quoted, text);
  return quoted;
}

std::int64_t ParseTimeNs(std::string_view text) {
  // Go's encoding of a time: year-month-dayThour:minute:second, a fraction of 0 to 9 digits, Z.
  const auto number = [&](std::size_t at, std::size_t digits) {
    int value = 0;
    std::from_chars(text.data() + at, text.data() + at + digits, value);
    return value;
  };
  if (text.size() < 20 || text.back() != 'Z') return 0;
  const auto day = std::chrono::year(number(0, 4)) / number(5, 2) / number(8, 2);
  if (!day.ok()) return 0;
  std::chrono::nanoseconds time =
      std::chrono::sys_days(day).time_since_epoch() + std::chrono::hours(number(11, 2)) +
      std::chrono::minutes(number(14, 2)) + std::chrono::seconds(number(17, 2));
  std::string fraction(text.substr(19, text.size() - 20));
  if (!fraction.empty()) fraction.erase(0, 1);
  fraction.resize(9, '0');
  std::int64_t nanoseconds = 0;
  std::from_chars(fraction.data(), fraction.data() + fraction.size(), nanoseconds);
  return (time + std::chrono::nanoseconds(nanoseconds)).count();
}

io::StreamState ParseStreamState(const JsonFields& info) {
  return {ParseTimeNs(info.Text("created")),
          StreamSeq(info.Unsigned("state.first_seq")),
          StreamSeq(info.Unsigned("state.last_seq")),
          info.Unsigned("state.messages"),
          info.Unsigned("state.bytes"),
          info.Unsigned("config.max_bytes")};
}

std::uint32_t ReplicasToAsk(const JsonFields& info, std::uint32_t wanted) {
  return info.Text("cluster.name").empty() ? 1 : wanted;
}

Result<std::optional<io::StreamMessage>> GetMessage(Bus& bus, const std::string& stream,
                                                    const std::string& selector,
                                                    std::string* headers) {
  PENSTOCK_ASSIGN_OR_RETURN(const JsonFields answer,
                            bus.CallApi("STREAM.MSG.GET." + stream, selector));
  const ApiCode code = ApiCodeOf(answer);
  if (code == ApiCode::kNoMessageFound) return std::optional<io::StreamMessage>();
  const std::string what = fmt::format("stream {}: message {}", stream, selector);
  if (answer.Find("error.code").has_value()) return FromApi(answer, what);

  io::StreamMessage message;
  message.seq = StreamSeq(answer.Unsigned("message.seq"));
  message.subject = answer.Text("message.subject");
  PENSTOCK_ASSIGN_OR_RETURN(message.data,
                            Base64Decode(answer.Find("message.data").value_or(std::string_view())));
  if (headers != nullptr) {
    PENSTOCK_ASSIGN_OR_RETURN(
        *headers, Base64Decode(answer.Find("message.hdrs").value_or(std::string_view())));
  }
  return std::optional(std::move(message));
}

Result<io::StreamState> Streams::Ensure(const io::StreamConfig& config) {
  PENSTOCK_ASSIGN_OR_RETURN(JsonFields info, bus_.CallApi("STREAM.INFO." + config.name, ""));
  if (ApiCodeOf(info) == ApiCode::kStreamNotFound) {
    Result<io::StreamState> created = Create(config);
    // Another process may have made it in between; then it is to be checked like any other.
    if (created.ok() || created.error().code != "conflict") return created;
    PENSTOCK_ASSIGN_OR_RETURN(info, InfoOfStreamBeingMade(config.name));
    if (ApiCodeOf(info) == ApiCode::kStreamNotFound) return Refused(created.error().detail);
  }
  if (info.Find("error.code").has_value()) return FromApi(info, "stream " + config.name);
  return Adapt(config, info);
}

/// Looks for it for a moment.
Result<JsonFields> Streams::InfoOfStreamBeingMade(const std::string& stream) {
  constexpr int kLooks = 20;
  constexpr auto kBetween = std::chrono::milliseconds(50);
  for (int look = 1;; ++look) {
    Result<JsonFields> info = bus_.CallApi("STREAM.INFO." + stream, "");
    const bool missing = info.ok() && ApiCodeOf(info.value()) == ApiCode::kStreamNotFound;
    if (!missing || look == kLooks) return info;
    WaitUntil(SystemClock().Now() + kBetween, {});
  }
}

Result<io::StreamState> Streams::Create(const io::StreamConfig& config) {
  PENSTOCK_ASSIGN_OR_RETURN(const JsonFields made,
                            bus_.CallApi("STREAM.CREATE." + config.name, ConfigJson(config)));
  const ApiCode code = ApiCodeOf(made);
  const std::string what = "make stream " + config.name;
  // While another process makes the same stream, its subjects are taken before it is there.
  if (code == ApiCode::kStreamNameInUse || code == ApiCode::kSubjectsOverlap) {
    return Conflict(fmt::format("{}: {}", what, made.Text("error.description")));
  }
  if (OutOfRoom(code)) return NoRoom(config, made);
  if (made.Find("error.code").has_value()) return FromApi(made, what);
  return ParseStreamState(made);
}

Result<io::StreamState> Streams::Adapt(const io::StreamConfig& config, const JsonFields& info) {
  PENSTOCK_RETURN_IF_ERROR(CheckServes(config, info));
  io::StreamConfig wanted = config;
  wanted.replicas = ReplicasToAsk(info, config.replicas);
  if (!LimitsDiffer(wanted, info)) return ParseStreamState(info);
  PENSTOCK_ASSIGN_OR_RETURN(const JsonFields updated,
                            bus_.CallApi("STREAM.UPDATE." + wanted.name, ConfigJson(wanted)));
  return ParseStreamState(updated.Find("error.code").has_value() ? info : updated);
}

Error Streams::NoRoom(const io::StreamConfig& config, const JsonFields& answer) {
  const std::string kind = config.memory_storage ? "memory" : "storage";
  std::string account;
  if (const Result<JsonFields> info = bus_.CallApi("INFO", ""); info.ok()) {
    const JsonFields& fields = info.value();
    account = fmt::format("; this account uses {}, has reserved {} and may have {} of {}",
                          FormatSize(fields.Unsigned(kind)),
                          FormatSize(fields.Unsigned("reserved_" + kind)),
                          Bound(fields.Unsigned("limits.max_" + kind)), kind);
  }
  return {Remedy::kStop, "no_room",
          fmt::format("JetStream cannot reserve {} times {} for stream {}: {}{}. Give the servers "
                      "more room (jetstream max_file_store) or the streams less",
                      config.replicas, Bound(config.max_bytes), config.name,
                      answer.Text("error.description"), account)};
}

Result<io::StreamState> Streams::State(const std::string& stream) {
  PENSTOCK_ASSIGN_OR_RETURN(const JsonFields info, bus_.CallApi("STREAM.INFO." + stream, ""));
  if (info.Find("error.code").has_value()) return FromApi(info, "stream " + stream);
  return ParseStreamState(info);
}

Result<std::optional<io::StreamMessage>> Streams::Get(const std::string& stream, StreamSeq seq) {
  if (seq == StreamSeq(0)) return std::optional<io::StreamMessage>();
  return GetMessage(bus_, stream, fmt::format(R"({{"seq":{}}})", seq.rep()), nullptr);
}

Result<std::optional<io::StreamMessage>> Streams::Last(const std::string& stream) {
  PENSTOCK_ASSIGN_OR_RETURN(const io::StreamState state, State(stream));
  if (state.messages == 0) return std::optional<io::StreamMessage>();
  return Get(stream, state.last);
}

Result<std::optional<io::StreamMessage>> Streams::LastOn(const std::string& stream,
                                                         const std::string& subject) {
  return GetMessage(bus_, stream, fmt::format(R"({{"last_by_subj":"{}"}})", subject), nullptr);
}

Status Streams::Trim(const std::string& stream, StreamSeq keep_from) {
  // A purge with sequence 0 would be one of everything.
  if (keep_from <= StreamSeq(1)) return Done();
  PENSTOCK_ASSIGN_OR_RETURN(
      const JsonFields answer,
      bus_.CallApi("STREAM.PURGE." + stream, fmt::format(R"({{"seq":{}}})", keep_from.rep())));
  if (answer.Find("error.code").has_value()) return FromApi(answer, "trim stream " + stream);
  return Done();
}

Status Streams::RemoveMessage(const std::string& stream, StreamSeq seq) {
  PENSTOCK_ASSIGN_OR_RETURN(
      const JsonFields answer,
      bus_.CallApi("STREAM.MSG.DELETE." + stream, fmt::format(R"({{"seq":{}}})", seq.rep())));
  if (!answer.Find("error.code").has_value() || ApiCodeOf(answer) == ApiCode::kNoMessageFound) {
    return Done();
  }
  // This server says so for a message that is gone.
  PENSTOCK_ASSIGN_OR_RETURN(const auto message, Get(stream, seq));
  if (!message) return Done();
  return FromApi(answer, fmt::format("remove message {} of stream {}", seq.rep(), stream));
}

Status Streams::Remove(const std::string& stream) {
  PENSTOCK_ASSIGN_OR_RETURN(const JsonFields answer, bus_.CallApi("STREAM.DELETE." + stream, ""));
  if (answer.Find("error.code").has_value()) return FromApi(answer, "remove stream " + stream);
  return Done();
}

std::unique_ptr<io::StreamReader> Streams::ReadFrom(const std::string& stream, StreamSeq from) {
  return std::make_unique<StreamReader>(bus_, stream, "", from);
}

}  // namespace penstock::jetstream
