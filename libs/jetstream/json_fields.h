#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::jetstream {

/// The scalar values of a JSON object, each under its path: "config.subjects.0", "state.last_seq".
/// Enough for the answers of JetStream's API, whatever blanks and further fields they have.
/// Bounded: text deeper than 32 levels is not read. Immutable.
class JsonFields {
 public:
  /// Nothing if `text` is not one JSON object.
  static std::optional<JsonFields> Parse(std::string_view text);

  /// A string without quotes and escapes, or a number, true or false as it stands. Null is absent.
  std::optional<std::string_view> Find(std::string_view path) const;
  /// Empty if absent.
  std::string Text(std::string_view path) const;
  /// 0 if absent or not an unsigned integer; so a bound of -1 ("none") is 0 as well.
  std::uint64_t Unsigned(std::string_view path) const;
  bool True(std::string_view path) const { return Find(path) == "true"; }
  /// The elements path.0, path.1, …
  std::vector<std::string> List(std::string_view path) const;

 private:
  friend class JsonFieldsParser;
  std::vector<std::pair<std::string, std::string>> fields_;
};

}  // namespace penstock::jetstream
