#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "ctl/letter_filter.h"
#include "io/stream.h"
#include "model/dead_letter.h"

namespace penstock::ctl {

/// A dead letter as it is stored. `letter` is null where the line is none: `line` is all there is.
struct StoredLetter {
  std::string_view line;  ///< Without its newline.
  const DeadLetter* letter = nullptr;
};

struct LetterCounts {
  std::uint64_t shown = 0;
  std::uint64_t repeats = 0;     ///< The same record's letter again, as a restart may leave it.
  std::uint64_t unreadable = 0;  ///< Lines that are no dead letters.
  bool more = false;             ///< The limit ended it.
};

/// Where the letters are, and how long to wait for the next message of the stream.
struct LetterStream {
  io::Streams& streams;
  std::string name;
  Clock::Duration patience;
  const Clock& clock;
};

/// Reads the letters that the stream holds now, oldest first, without taking any away, and gives
/// each record's first letter of a stage that matches `filter` to `on_letter`: at most `limit`.
/// Lines that are no letters match a filter without conditions alone. A stream that does not exist
/// has none.
Result<LetterCounts> ReadLetters(const LetterStream& stream, const LetterFilter& filter,
                                 std::uint64_t limit, std::stop_token stop,
                                 const std::function<void(const StoredLetter&)>& on_letter);

/// Removes for good what the stream holds now and `filter` matches, repeats and (without
/// conditions) lines that are no letters too; gives how many lines. Letters that share a message
/// with removed ones are stored again before it goes, so that none is lost whenever this ends.
Result<std::uint64_t> PurgeLetters(const LetterStream& stream, io::Publisher& publisher,
                                   const LetterFilter& filter, std::stop_token stop);

/// The source_id as in the document, also of a record that was replayed.
std::string_view SourceOf(const Origin& origin);
/// Kafka's topic; "join" of a joined row, which has a shard for a partition and a step for an
/// offset.
std::string TopicOf(const DeadLetter& letter);
/// "topic/partition/offset": where the record is.
std::string PlaceOf(const DeadLetter& letter);

/// The columns of the list, and a letter in them; the error ends the line.
std::string LetterHeader();
std::string LetterRow(const StoredLetter& stored);
/// All of one letter, a line for each of its members, then the message.
std::string LetterPage(const DeadLetter& letter);

}  // namespace penstock::ctl
