#include "ctl/console.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

#include "base/format.h"

namespace penstock::ctl {

namespace {

constexpr std::size_t kUsualColumns = 80;
constexpr const char* kClearLine = "\r\033[K";

std::size_t Columns(std::FILE* out) {
  winsize size{};
  const bool known = ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : kUsualColumns;
}

}  // namespace

Console::Console(std::FILE* out) : out_(out), terminal_(isatty(fileno(out)) == 1) {}

Console::~Console() {
  if (terminal_ && !status_.empty()) fmt::print(out_, "\n");
}

void Console::Status(std::string line) {
  std::lock_guard lock(mutex_);
  status_ = std::move(line);
  Draw();
}

void Console::Say(const std::string& line) {
  std::lock_guard lock(mutex_);
  if (terminal_ && !status_.empty()) fmt::print(out_, "{}", kClearLine);
  fmt::print(out_, "{}\n", line);
  if (terminal_ && !status_.empty()) Draw();
  std::fflush(out_);
}

// A longer line would wrap, and could not be rewritten.
void Console::Draw() {
  if (terminal_) {
    const std::size_t room = Columns(out_) - 1;
    fmt::print(out_, "{}{}", kClearLine, status_.substr(0, room));
  } else {
    fmt::print(out_, "{}\n", status_);
  }
  std::fflush(out_);
}

}  // namespace penstock::ctl
