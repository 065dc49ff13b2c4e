#pragma once

#include <cstdio>
#include <mutex>
#include <string>

namespace penstock::ctl {

/// Where a run talks to a person: lines that stay, and on a terminal one line that is rewritten
/// in place below them. Elsewhere each status is a line of its own. Thread-safe.
class Console {
 public:
  /// `out` is borrowed; whether it is a terminal is found out.
  explicit Console(std::FILE* out);
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  bool is_terminal() const { return terminal_; }
  void Status(std::string line);
  void Say(const std::string& line);

 private:
  void Draw();

  std::FILE* const out_;
  const bool terminal_;
  std::mutex mutex_;
  std::string status_;  // Guarded by mutex_, as is writing.
};

}  // namespace penstock::ctl
