#include "expr/regex.h"

#include <re2/re2.h>

#include "base/format.h"

namespace penstock::expr {

namespace {

// Go knows named groups as (?<name>...), too; RE2 as (?P<name>...) only.
std::string WithNamedGroups(std::string_view pattern) {
  std::string translated;
  bool in_class = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    translated += pattern[i];
    if (pattern[i] == '\\' && i + 1 < pattern.size()) {
      translated += pattern[++i];
    } else if (in_class) {
      in_class = pattern[i] != ']';
    } else if (pattern[i] == '[') {
      in_class = true;
    } else if (pattern.substr(i, 3) == "(?<" && i + 3 < pattern.size() && pattern[i + 3] != '=' &&
               pattern[i + 3] != '!') {
      translated += "?P";
      ++i;
    }
  }
  return translated;
}

}  // namespace

struct Regex::Compiled {
  explicit Compiled(std::string_view text) : pattern(WithNamedGroups(text), Quiet()) {}

  static RE2::Options Quiet() {
    RE2::Options options;
    options.set_log_errors(false);
    return options;
  }

  RE2 pattern;
};

Regex::Regex(std::string_view pattern) : compiled_(std::make_unique<Compiled>(pattern)) {
  if (!compiled_->pattern.ok()) {
    error_ = fmt::format("this is no pattern (RE2 syntax): {}", compiled_->pattern.error());
  }
}

Regex::~Regex() = default;

bool Regex::Matches(std::string_view text) const {
  return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), compiled_->pattern);
}

std::string PatternError(std::string_view pattern) {
  return Regex(pattern).error();
}

const Regex& RegexCache::Find(std::string_view pattern) {
  const auto found = patterns_.find(pattern);
  if (found != patterns_.end()) return found->second;
  if (patterns_.size() >= kMost) patterns_.clear();
  return patterns_.try_emplace(std::string(pattern), pattern).first->second;
}

}  // namespace penstock::expr
