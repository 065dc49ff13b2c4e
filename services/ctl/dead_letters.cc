#include "ctl/dead_letters.h"

#include <algorithm>
#include <unordered_set>

#include "base/format.h"
#include "base/hash.h"
#include "base/text.h"
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

/// Takes messages apart into letters and leaves repeats out.
class LetterFilter {
 public:
  LetterFilter(std::uint64_t limit, const std::function<void(const StoredLetter&)>& on_letter)
      : limit_(limit), on_letter_(on_letter) {}

  /// False: the limit is reached.
  bool Add(std::string_view message) {
    while (!message.empty()) {
      const std::size_t end = std::min(message.find('\n'), message.size());
      if (end > 0 && !AddLine(message.substr(0, end))) return false;
      message.remove_prefix(std::min(end + 1, message.size()));
    }
    return true;
  }
  const LetterCounts& counts() const { return counts_; }

 private:
  bool AddLine(std::string_view line) {
    const auto letter = json::ParseDeadLetter(line);
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

Result<LetterCounts> ReadLetters(io::Streams& streams, const std::string& stream,
                                 std::uint64_t limit, Clock::Duration patience, const Clock& clock,
                                 std::stop_token stop,
                                 const std::function<void(const StoredLetter&)>& on_letter) {
  LetterFilter filter(limit, on_letter);
  const auto state = streams.State(stream);
  if (!state.ok() && state.error().code == "not_found") return filter.counts();
  if (!state.ok()) return state.error();
  if (state.value().messages == 0) return filter.counts();
  const auto reader = streams.ReadFrom(stream, state.value().first);
  for (StreamSeq read{0}; read < state.value().last;) {
    PENSTOCK_ASSIGN_OR_RETURN(const auto messages,
                              reader->Read(kReadBytes, clock.Now() + patience, stop));
    if (messages.empty()) {
      return Error{Remedy::kRetry, "unavailable",
                   fmt::format("stream {} gave no message after {} of {} within {}", stream,
                               read.rep(), state.value().last.rep(), FormatDuration(patience))};
    }
    for (const io::StreamMessage& message : messages) {
      if (message.seq > state.value().last) return filter.counts();
      if (!filter.Add(message.data)) return filter.counts();
      read = message.seq;
    }
  }
  return filter.counts();
}

std::string LetterHeader() {
  return fmt::format("{:<24}  {:<9}  {:<16}  {:<28}  {}", "time", "stage", "reason",
                     "topic/partition/offset", "error");
}

std::string LetterRow(const StoredLetter& stored) {
  if (stored.letter == nullptr) return fmt::format("(no dead letter) {}", OneLine(stored.line));
  const DeadLetter& letter = *stored.letter;
  const std::string place =
      fmt::format("{}/{}/{}", letter.origin.topic, letter.origin.partition, letter.offset.rep());
  return fmt::format("{:<24}  {:<9}  {:<16}  {:<28}  {}", FormatTimeMs(letter.time_ms),
                     letter.component, ToText(letter.reason), OneLine(place),
                     OneLine(letter.error));
}

}  // namespace penstock::ctl
