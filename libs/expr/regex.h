#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace penstock::expr {

/// A compiled RE2 pattern.
class Regex {
 public:
  explicit Regex(std::string_view pattern);
  ~Regex();
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;

  /// Empty: it is a valid pattern.
  const std::string& error() const { return error_; }
  /// Whether it matches anywhere in `text`.
  bool Matches(std::string_view text) const;

 private:
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
  std::string error_;
};

/// Why `pattern` is not one; empty when it is.
std::string PatternError(std::string_view pattern);

/// Patterns that come from the data, compiled once each; forgets all when there are too many.
/// One owner thread.
class RegexCache {
 public:
  const Regex& Find(std::string_view pattern);

 private:
  static constexpr std::size_t kMost = 100;
  std::map<std::string, Regex, std::less<>> patterns_;
};

}  // namespace penstock::expr
