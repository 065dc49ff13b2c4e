#include "expr/source_error.h"

#include <algorithm>

#include "base/format.h"
#include "expr/utf8.h"

namespace penstock::expr {

namespace {

constexpr std::size_t kShownBefore = 60;
constexpr std::size_t kShownAfter = 40;

// What is left of a line around column `column` (from 0), each character one column wide.
struct Excerpt {
  std::string line;
  std::size_t caret = 0;
};

Excerpt Cut(std::string_view line, std::size_t column) {
  Excerpt excerpt;
  const std::size_t first = column > kShownBefore ? column - kShownBefore : 0;
  if (first > 0) excerpt.line = "...";
  std::size_t index = 0;
  std::size_t at = 0;
  for (; at < line.size() && index < column + kShownAfter; ++index) {
    const std::size_t length = DecodeRune(line.substr(at)).length;
    if (index >= first) {
      if (line[at] == '\t') {
        excerpt.line += ' ';
      } else {
        excerpt.line += line.substr(at, length);
      }
    }
    at += length;
  }
  if (at < line.size()) excerpt.line += "...";
  excerpt.caret = column - first + (first > 0 ? 3 : 0);
  return excerpt;
}

std::size_t LineStart(std::string_view source, std::size_t at) {
  const std::size_t newline = at == 0 ? std::string_view::npos : source.rfind('\n', at - 1);
  return newline == std::string_view::npos ? 0 : newline + 1;
}

}  // namespace

LineColumn PlaceOf(std::string_view source, std::size_t at) {
  at = std::min(at, source.size());
  const std::size_t start = LineStart(source, at);
  const auto newlines = std::count(source.begin(), source.begin() + static_cast<long>(at), '\n');
  return {static_cast<std::size_t>(newlines) + 1, CountRunes(source.substr(start, at - start)) + 1};
}

std::string Show(std::string_view source, const SourceError& error) {
  const std::size_t at = std::min(error.at, source.size());
  const LineColumn place = PlaceOf(source, at);
  std::string shown = fmt::format("{}:{}: {}", place.line, place.column, error.message);
  const std::string_view line = source.substr(LineStart(source, at));
  const Excerpt excerpt = Cut(line.substr(0, line.find('\n')), place.column - 1);
  if (excerpt.line.empty()) return shown;
  return fmt::format("{}\n  {}\n  {:{}}^", shown, excerpt.line, "", excerpt.caret);
}

Error AsError(std::string_view source, const SourceError& error) {
  return {Remedy::kStop, "expression", Show(source, error)};
}

}  // namespace penstock::expr
