#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "process/file_descriptor.h"
#include "process/flags.h"

namespace penstock::ctl {

/// Where a run of that pipeline keeps its files when nobody says otherwise:
/// $XDG_STATE_HOME/penstock/<pipeline>, or below ~/.local/state. Error code "usage": there is
/// neither variable.
Result<std::filesystem::path> DefaultDataFolder(
    const std::string& pipeline_id,
    const process::Environment& environment = process::ProcessEnvironment);

/// The folder of `penstock run`: logs, ports, the stages' state, and the embedded nats-server's
/// store. Holding it means that no other run uses it, and that no process of an earlier run is
/// left. One thread.
class DataFolder {
 public:
  /// Makes the folder and takes it. Waits, at most `patience`, for the processes of an earlier run
  /// to end, and tells `on_wait` once. Error code "data_folder": another run uses it (kStop), the
  /// patience or `stop` ended the wait (kRetry), or it cannot be written.
  static Result<DataFolder> Take(std::filesystem::path path, Clock::Duration patience,
                                 const Clock& clock, std::stop_token stop,
                                 const std::function<void()>& on_wait);
  /// Whether a run uses the folder now.
  static bool InUse(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  std::string LogFile(const std::string& process) const;
  std::string PortFile(const std::string& process) const;
  /// What the process keeps between runs.
  std::string StateFolder(const std::string& process) const;
  std::filesystem::path NatsFolder() const { return NatsFolder(path_); }
  static std::filesystem::path NatsFolder(const std::filesystem::path& path) {
    return path / "nats";
  }

 private:
  DataFolder(std::filesystem::path path, process::FileDescriptor run,
             process::FileDescriptor children)
      : path_(std::move(path)), run_(std::move(run)), children_(std::move(children)) {}

  std::filesystem::path path_;
  process::FileDescriptor run_;
  /// Inherited by every child on purpose: its lock lasts until the last of them has ended.
  process::FileDescriptor children_;
};

/// Bytes of the files below `folder`.
std::uint64_t BytesBelow(const std::filesystem::path& folder);

/// Replaces the file at once: a reader sees the old text or the new one. Error "data_folder".
Status WriteFile(const std::filesystem::path& path, const std::string& text);
/// The file's first word; empty where it cannot be read.
std::string ReadWord(const std::filesystem::path& path);

/// The last `lines` lines of a log that contain one of `marks` (any line when there are none),
/// looking at its last 64 KiB.
std::vector<std::string> LastLines(const std::filesystem::path& path, std::size_t lines,
                                   const std::vector<std::string>& marks = {});

}  // namespace penstock::ctl
