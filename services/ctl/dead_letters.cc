#include "ctl/dead_letters.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/format.h"
#include "base/hash.h"
#include "base/text.h"
#include "ctl/replay.h"
#include "json/dead_letter_json.h"

namespace penstock::ctl {

namespace {

constexpr std::size_t kReadBytes = 4 << 20;

// What a repeat has in common with the first: the record and the stage that refused it. A hash of
// 128 bits, since there may be millions.
std::string IdentityOf(const DeadLetter& letter) {
  return Hash128Hex(fmt::format("{}\n{}\n{}\n{}\n{}", letter.component, letter.origin.source_id,
                                letter.origin.topic, letter.origin.partition, letter.offset.rep()));
}

/// Gives each line that is not empty, without its newline, until `on_line` says false.
bool ForEachLine(std::string_view message, const std::function<bool(std::string_view)>& on_line) {
  while (!message.empty()) {
    const std::size_t end = std::min(message.find('\n'), message.size());
    if (end > 0 && !on_line(message.substr(0, end))) return false;
    message.remove_prefix(std::min(end + 1, message.size()));
  }
  return true;
}

/// Fails unless messages that were there at `begin` and do not come were removed meanwhile.
Status CheckRemoved(const LetterStream& stream, const io::StreamState& begin) {
  PENSTOCK_ASSIGN_OR_RETURN(const io::StreamState now, stream.streams.State(stream.name));
  const std::uint64_t added = now.last.rep() - begin.last.rep();
  if (now.messages < begin.messages + added) return Done{};
  return Error{Remedy::kRetry, "unavailable",
               fmt::format("stream {} did not give all of its {} messages within {}", stream.name,
                           begin.messages, FormatDuration(stream.patience))};
}

/// Gives the messages that the stream holds now until `on_message` says false or fails.
Status ForEachMessage(const LetterStream& stream, const std::stop_token& stop,
                      const std::function<Result<bool>(const io::StreamMessage&)>& on_message) {
  const auto state = stream.streams.State(stream.name);
  if (!state.ok() && state.error().code == "not_found") return Done{};
  if (!state.ok()) return state.error();
  if (state.value().messages == 0) return Done{};
  const auto reader = stream.streams.ReadFrom(stream.name, state.value().first);
  std::uint64_t read = 0;
  while (read < state.value().messages) {
    PENSTOCK_ASSIGN_OR_RETURN(const auto messages,
                              reader->Read(kReadBytes, stream.clock.Now() + stream.patience, stop));
    if (messages.empty()) return CheckRemoved(stream, state.value());
    for (const io::StreamMessage& message : messages) {
      if (message.seq > state.value().last) return Done{};
      PENSTOCK_ASSIGN_OR_RETURN(const bool go_on, on_message(message));
      if (!go_on) return Done{};
      ++read;
    }
  }
  return Done{};
}

/// Chooses lines: those that match, without repeats, up to the limit.
class Selection {
 public:
  Selection(const LetterFilter& filter, std::uint64_t limit,
            const std::function<void(const StoredLetter&)>& on_letter)
      : filter_(filter), limit_(limit), on_letter_(on_letter) {}

  /// False: the limit is reached.
  bool Add(std::string_view line) {
    const auto letter = json::ParseDeadLetter(line);
    if (!(letter.ok() ? filter_.Matches(letter.value()) : filter_.empty())) return true;
    if (letter.ok() && !seen_.insert(IdentityOf(letter.value())).second) {
      ++counts_.repeats;
      return true;
    }
    if (counts_.shown == limit_) {
      counts_.more = true;
      return false;
    }
    if (!letter.ok()) ++counts_.unreadable;
    ++counts_.shown;
    on_letter_({.line = line, .letter = letter.ok() ? &letter.value() : nullptr});
    return true;
  }
  const LetterCounts& counts() const { return counts_; }

 private:
  const LetterFilter& filter_;
  const std::uint64_t limit_;
  const std::function<void(const StoredLetter&)>& on_letter_;
  std::unordered_set<std::string> seen_;
  LetterCounts counts_;
};

// Control characters would tear the list apart.
std::string OneLine(std::string_view text) {
  std::string out(text);
  std::ranges::replace_if(
      out, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, ' ');
  return out;
}

}  // namespace

Result<LetterCounts> ReadLetters(const LetterStream& stream, const LetterFilter& filter,
                                 std::uint64_t limit, std::stop_token stop,
                                 const std::function<void(const StoredLetter&)>& on_letter) {
  Selection selection(filter, limit, on_letter);
  PENSTOCK_RETURN_IF_ERROR(
      ForEachMessage(stream, stop, [&](const io::StreamMessage& message) -> Result<bool> {
        return ForEachLine(message.data,
                           [&](std::string_view line) { return selection.Add(line); });
      }));
  return selection.counts();
}

Result<std::uint64_t> PurgeLetters(const LetterStream& stream, io::Publisher& publisher,
                                   const LetterFilter& filter, std::stop_token stop) {
  std::uint64_t purged = 0;
  const auto purge = [&](const io::StreamMessage& message) -> Result<bool> {
    std::uint64_t matching = 0;
    std::string kept;
    ForEachLine(message.data, [&](std::string_view line) {
      const auto letter = json::ParseDeadLetter(line);
      const bool goes = letter.ok() ? filter.Matches(letter.value()) : filter.empty();
      if (goes) {
        ++matching;
      } else {
        kept.append(line).push_back('\n');
      }
      return true;
    });
    if (matching == 0) return true;
    if (!kept.empty()) {
      PENSTOCK_RETURN_IF_ERROR(publisher.PublishAndWait(
          {.subject = message.subject, .data = kept, .expected_last = {}, .message_id = {}},
          stream.patience));
    }
    PENSTOCK_RETURN_IF_ERROR(stream.streams.RemoveMessage(stream.name, message.seq));
    purged += matching;
    return true;
  };
  PENSTOCK_RETURN_IF_ERROR(ForEachMessage(stream, stop, purge));
  return purged;
}

std::string_view SourceOf(const Origin& origin) {
  const std::string_view id = origin.source_id;
  return id.substr(0, id.find(kReplayMark));
}

std::string TopicOf(const DeadLetter& letter) {
  return letter.origin.topic.empty() ? letter.origin.source_id : letter.origin.topic;
}

std::string PlaceOf(const DeadLetter& letter) {
  return fmt::format("{}/{}/{}", TopicOf(letter), letter.origin.partition, letter.offset.rep());
}

std::string LetterHeader() {
  return fmt::format("{:<24}  {:<9}  {:<16}  {:<28}  {}", "time", "stage", "reason",
                     "topic/partition/offset", "error");
}

std::string LetterRow(const StoredLetter& stored) {
  if (stored.letter == nullptr) return fmt::format("(no dead letter) {}", OneLine(stored.line));
  const DeadLetter& letter = *stored.letter;
  return fmt::format("{:<24}  {:<9}  {:<16}  {:<28}  {}", FormatTimeMs(letter.time_ms),
                     letter.component, ToText(letter.reason), OneLine(PlaceOf(letter)),
                     OneLine(letter.error));
}

std::string LetterPage(const DeadLetter& letter) {
  std::string page;
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) page += fmt::format("{:<12}{}\n", name, OneLine(value));
  };
  add("record", PlaceOf(letter));
  add("source", SourceOf(letter.origin));
  add("stage", letter.component);
  add("reason", ToText(letter.reason));
  add("error", letter.error);
  add("column", letter.column);
  if (letter.code != 0) add("code", fmt::format("{} {}", letter.code, letter.code_name));
  add("time", FormatTimeMs(letter.time_ms));
  add("timestamp", FormatTimeMs(letter.timestamp_ms));
  add("key", letter.key);
  return page + "message\n" + letter.original_message + "\n";
}

}  // namespace penstock::ctl
