#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
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
  std::uint64_t unreadable = 0;  ///< Lines that are no dead letters; shown all the same.
  bool more = false;             ///< The limit ended it.
};

/// Reads the letters that the stream holds now, oldest first, without taking any away, and gives
/// each record's first letter of a stage to `on_letter`: at most `limit`. A stream that does not
/// exist has none. Waits at most `patience` for the next message.
Result<LetterCounts> ReadLetters(io::Streams& streams, const std::string& stream,
                                 std::uint64_t limit, Clock::Duration patience, const Clock& clock,
                                 std::stop_token stop,
                                 const std::function<void(const StoredLetter&)>& on_letter);

/// The columns of the list, and a letter in them; the error ends the line.
std::string LetterHeader();
std::string LetterRow(const StoredLetter& stored);

}  // namespace penstock::ctl
