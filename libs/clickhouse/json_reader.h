#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/bytes.h"

namespace penstock::clickhouse {

/// Walks one JSON value front to back, handing out views into its text: for the cells that carry
/// arrays and objects. The text was checked when the record was read, so this reader finds its
/// way rather than validates; on bytes that are not JSON it never reads out of bounds, never
/// recurses and never loops: it turns `ok()` false for good and gives empty answers.
///
/// The bytes must outlive the reader and the views.
class JsonReader {
 public:
  enum class Kind : std::uint8_t {
    kNull,
    kFalse,
    kTrue,
    kNumber,
    kString,
    kArray,
    kObject,
    kFault
  };

  explicit JsonReader(std::string_view text) : JsonReader(text, text.data() + text.size()) {}
  /// `readable`: the end of the bytes around the text that may be read, at or behind its end.
  JsonReader(std::string_view text, const char* readable)
      : at_(text.data()), end_(text.data() + text.size()), readable_(readable) {}

  const char* readable() const { return readable_; }

  bool ok() const { return ok_; }
  /// The kind of the value that comes next.
  Kind Peek() {
    SkipBlanks();
    return at_ == end_ ? Kind::kFault : kKinds[static_cast<unsigned char>(*at_)];
  }

  /// Whether nothing but blanks is left.
  bool AtEnd() {
    SkipBlanks();
    return at_ == end_;
  }

  /// The next value's exact text, whatever its kind.
  std::string_view Skip();
  /// The same for a number, which Peek must have told of.
  std::string_view Number() {
    const char* const start = at_;
    while (at_ != end_ && IsNumberChar(*at_)) ++at_;
    fresh_ = false;
    return {start, static_cast<std::size_t>(at_ - start)};
  }
  /// The next value, a string, without quotes and escapes: a view into the text where it has no
  /// escapes, else into `scratch`. A lone surrogate becomes U+FFFD.
  std::string_view String(std::string& scratch) {
    if (Peek() != Kind::kString) return Fail(), std::string_view();
    fresh_ = false;
    const char* const start = ++at_;
    at_ = FindSpecial(start, end_, readable_);
    if (at_ != end_ && *at_ == '"') {
      return {start, static_cast<std::size_t>(at_++ - start)};
    }
    return StringWithEscapes(start, scratch);
  }

  /// The next value is an array (object): steps into it. Then Next tells whether another element
  /// (member) follows; when it says no, the reader is behind the closing bracket.
  void Open() {
    const Kind kind = Peek();
    if (kind != Kind::kArray && kind != Kind::kObject) return Fail();
    ++at_;
    fresh_ = true;
  }
  bool NextElement() { return Next(']'); }
  bool NextMember(std::string_view& key, std::string& scratch) {
    if (!Next('}')) return false;
    key = String(scratch);
    SkipBlanks();
    return (ok_ && Take(':')) || (Fail(), false);
  }

  /// The usual element or member at full speed: a string in an array, a name with a string in an
  /// object, neither with escapes nor with blanks in between. False: what comes is something else,
  /// perhaps the end, and nothing has moved.
  bool TakePlainElement(std::string_view& text) {
    const char* at = at_;
    if (!AtPlainString(at) || !PlainString(at, text)) return false;
    return MoveTo(at);
  }
  bool TakePlainMember(std::string_view& key, std::string_view& text) {
    const char* at = at_;
    if (!AtPlainString(at) || !PlainString(at, key)) return false;
    if (end_ - at < 2 || at[0] != ':' || at[1] != '"' || !PlainString(++at, text)) return false;
    return MoveTo(at);
  }

 private:
  static bool IsNumberChar(char c) {
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
  }

  static const std::array<Kind, 256> kKinds;  // By the first byte of a value.

  // The first quote or backslash in [at, end), or `end`: many bytes at a time, also of those behind
  // `end` that may be read.
  static const char* FindSpecial(const char* at, const char* end, const char* readable) {
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    for (; at < end && readable - at >= 16; at += 16) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
      const __m128i special =
          _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash));
      const auto found = static_cast<unsigned>(_mm_movemask_epi8(special));
      if (found != 0) return std::min(at + std::countr_zero(found), end);
    }
    at = std::min(at, end);
#endif
    constexpr std::uint64_t kOnes = 0x0101'0101'0101'0101;
    constexpr std::uint64_t kHighs = 0x8080'8080'8080'8080;
    for (; end - at >= 8; at += 8) {
      const auto bytes = LoadUnaligned<std::uint64_t>(at);
      const std::uint64_t quotes = bytes ^ (kOnes * '"');
      const std::uint64_t backslashes = bytes ^ (kOnes * '\\');
      // The lowest bit that is set here is a zero byte's of one of the two.
      const std::uint64_t found =
          (((quotes - kOnes) & ~quotes) | ((backslashes - kOnes) & ~backslashes)) & kHighs;
      if (found != 0) return at + std::countr_zero(found) / 8;
    }
    while (at != end && *at != '"' && *at != '\\') ++at;
    return at;
  }

  // Steps over the comma that is due, if one is; whether a string begins there.
  bool AtPlainString(const char*& at) const {
    if (end_ - at < 2 || (!fresh_ && *at++ != ',')) return false;
    return *at == '"';
  }
  // `at` is at the opening quote and goes behind the closing one.
  bool PlainString(const char*& at, std::string_view& text) const {
    const char* const start = at + 1;
    const char* const close = FindSpecial(start, end_, readable_);
    if (close == end_ || *close != '"') return false;
    text = {start, static_cast<std::size_t>(close - start)};
    at = close + 1;
    return true;
  }
  bool MoveTo(const char* at) {
    at_ = at;
    fresh_ = false;
    return true;
  }

  bool Next(char close) {
    SkipBlanks();
    if (Take(close)) return fresh_ = false;
    if (!fresh_ && !Take(',')) return Fail(), false;
    fresh_ = false;
    return Peek() != Kind::kFault || (Fail(), false);
  }
  void SkipBlanks() {
    while (at_ != end_ && *at_ <= ' ' &&
           (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) {
      ++at_;
    }
  }
  bool Take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  std::string_view StringWithEscapes(const char* start, std::string& scratch);
  bool SkipToClosingQuote();
  void SkipBracketed();
  void Fail() {
    ok_ = false;
    at_ = end_;
  }

  const char* at_;
  const char* end_;
  const char* readable_;
  bool fresh_ = false;  // Right behind an opening bracket: no comma is due.
  bool ok_ = true;
};

/// A JSON string's text between the quotes with its escapes resolved, appended to `out`. False,
/// with part of it appended, when an escape is malformed.
bool AppendUnescaped(std::string_view quoted, std::string& out);

}  // namespace penstock::clickhouse
