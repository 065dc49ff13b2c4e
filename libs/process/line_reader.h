#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "process/file_descriptor.h"

namespace penstock::process {

/// Reads lines from a pipe on a thread of its own and passes each on, without its newline; one
/// over 64 KiB in pieces. Destroying it passes on what the pipe still holds, and waits for that but
/// not for more: other processes may hold the pipe open.
class LineReader {
 public:
  using OnLine = std::function<void(std::string_view line)>;

  LineReader(FileDescriptor pipe, OnLine on_line);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

 private:
  static constexpr std::size_t kLongestLine = 64 << 10;

  void Run();
  /// False: the pipe has nothing more, now or (when it was closed) ever.
  bool ReadSome();
  void PassOnLines();

  FileDescriptor pipe_;
  FileDescriptor wake_;
  OnLine on_line_;
  std::string pending_;
  bool closed_ = false;
  std::jthread thread_;
};

}  // namespace penstock::process
