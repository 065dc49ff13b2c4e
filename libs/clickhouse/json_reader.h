#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

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

  explicit JsonReader(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

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
  /// The next value, a string, without quotes and escapes: a view into the text where it has no
  /// escapes, else into `scratch`. A lone surrogate becomes U+FFFD.
  std::string_view String(std::string& scratch) {
    if (Peek() != Kind::kString) return Fail(), std::string_view();
    fresh_ = false;
    const char* const start = ++at_;
    at_ = FindSpecial(start, end_);
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

 private:
  static const std::array<Kind, 256> kKinds;  // By the first byte of a value.

  // The first quote or backslash in [at, end), or `end`: eight bytes at a time.
  static const char* FindSpecial(const char* at, const char* end) {
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

  bool Next(char close) {
    SkipBlanks();
    if (Take(close)) return fresh_ = false;
    if (!fresh_ && !Take(',')) return Fail(), false;
    fresh_ = false;
    return Peek() != Kind::kFault || (Fail(), false);
  }
  void SkipBlanks() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
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
  bool fresh_ = false;  // Right behind an opening bracket: no comma is due.
  bool ok_ = true;
};

/// A JSON string's text between the quotes with its escapes resolved, appended to `out`. False,
/// with part of it appended, when an escape is malformed.
bool AppendUnescaped(std::string_view quoted, std::string& out);

}  // namespace penstock::clickhouse
