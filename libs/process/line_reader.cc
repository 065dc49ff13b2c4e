#include "process/line_reader.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/thread.h"

namespace penstock::process {

LineReader::LineReader(FileDescriptor pipe, OnLine on_line)
    : pipe_(std::move(pipe)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      on_line_(std::move(on_line)) {
  PENSTOCK_CHECK(wake_.valid(), "an eventfd can be had");
  fcntl(pipe_.get(), F_SETFL, O_NONBLOCK);
  thread_ = StartThread("child-output", [this](std::stop_token) { Run(); });
}

LineReader::~LineReader() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(wake_.get(), &one, sizeof one);
  thread_.join();
}

void LineReader::Run() {
  bool leaving = false;
  while (!leaving && !closed_) {
    std::array<pollfd, 2> fds{{{pipe_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
    if (poll(fds.data(), fds.size(), -1) < 0) continue;
    leaving = fds[1].revents != 0;
    // A pipe holds 64 KiB: after a few turns, what comes is from a process that lives on.
    for (int turn = 0; turn < 16 && ReadSome(); ++turn) {
    }
  }
  if (!pending_.empty()) on_line_(pending_);
}

bool LineReader::ReadSome() {
  std::array<char, 16384> buffer;
  const ssize_t got = read(pipe_.get(), buffer.data(), buffer.size());
  if (got > 0) {
    pending_.append(buffer.data(), static_cast<std::size_t>(got));
    PassOnLines();
    return true;
  }
  closed_ = got == 0 || (errno != EAGAIN && errno != EINTR);
  return false;
}

void LineReader::PassOnLines() {
  std::size_t start = 0;
  while (true) {
    const std::size_t end = pending_.find('\n', start);
    if (end == std::string::npos) break;
    on_line_(std::string_view(pending_).substr(start, end - start));
    start = end + 1;
  }
  pending_.erase(0, start);
  if (pending_.size() >= kLongestLine) {
    on_line_(pending_);
    pending_.clear();
  }
}

}  // namespace penstock::process
