#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::ctl {

/// What a preflight has found out: each thing in one sentence, a fault with what would be right.
class Findings {
 public:
  enum class Level : std::uint8_t {
    kGood,
    kWarning,  ///< It will run, and an operator should know this.
    kFault,    ///< It will not run, or not write.
  };
  struct Finding {
    Level level = Level::kGood;
    std::string about;  ///< "document", "kafka", "nats", "clickhouse", "samples"; a partition.
    std::string text;
  };

  void Good(std::string_view about, std::string text) { Add(Level::kGood, about, std::move(text)); }
  void Warn(std::string_view about, std::string text) {
    Add(Level::kWarning, about, std::move(text));
  }
  void Fault(std::string_view about, std::string text) {
    Add(Level::kFault, about, std::move(text));
  }

  const std::vector<Finding>& all() const { return all_; }
  std::size_t Count(Level level) const;
  /// A line for each finding; with `as_json` a JSON object a line.
  std::string ToText(bool as_json) const;

 private:
  void Add(Level level, std::string_view about, std::string text) {
    all_.push_back({.level = level, .about = std::string(about), .text = std::move(text)});
  }

  std::vector<Finding> all_;
};

/// "ok", "warning", "fault".
std::string_view ToText(Findings::Level level);

}  // namespace penstock::ctl
