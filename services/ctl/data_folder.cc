#include "ctl/data_folder.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <fstream>
#include <iterator>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/wait.h"
#include "protocol/names.h"

namespace penstock::ctl {

namespace {

namespace fs = std::filesystem;

// A longer log of an earlier run is set aside, one generation of it.
constexpr std::uint64_t kLongestLog = 16 << 20;
constexpr std::streamoff kTail = 64 << 10;
constexpr auto kLookInterval = std::chrono::milliseconds(100);

Error FolderError(Remedy remedy, std::string detail) {
  return Error{remedy, "data_folder", std::move(detail)};
}

std::string ErrnoText() {
  return std::strerror(errno);  // NOLINT(concurrency-mt-unsafe)
}

Status MakeFolders(const fs::path& path) {
  std::error_code failed;
  const bool made = fs::create_directories(path, failed);
  // What passes through belongs to whoever runs the pipeline; a folder of the user's stays as it
  // is.
  if (made) fs::permissions(path, fs::perms::owner_all, failed);
  for (const char* const folder : {"logs", "ports", "state"}) {
    if (!failed) fs::create_directories(path / folder, failed);
    if (failed) {
      return FolderError(Remedy::kStop,
                         fmt::format("cannot make {}: {}; --data-dir names another folder",
                                     (path / folder).string(), failed.message()));
    }
  }
  return Done{};
}

void SetLongLogsAside(const fs::path& logs) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(logs, ignored)) {
    if (entry.path().extension() == ".log" && entry.file_size(ignored) > kLongestLog) {
      fs::rename(entry.path(), entry.path().string() + ".1", ignored);
    }
  }
}

Result<process::FileDescriptor> OpenLock(const fs::path& path, int more_flags) {
  process::FileDescriptor file(open(path.c_str(), O_RDWR | O_CREAT | more_flags, 0600));
  if (!file.valid()) {
    return FolderError(Remedy::kStop,
                       fmt::format("cannot write {}: {}", path.string(), ErrnoText()));
  }
  return file;
}

bool Lock(const process::FileDescriptor& file) {
  return flock(file.get(), LOCK_EX | LOCK_NB) == 0;
}

}  // namespace

Result<fs::path> DefaultDataFolder(const std::string& pipeline_id,
                                   const process::Environment& environment) {
  const std::string pipeline = protocol::PipelineToken(pipeline_id);
  if (const auto state = environment("XDG_STATE_HOME"); state && state->starts_with('/')) {
    return fs::path(*state) / "penstock" / pipeline;
  }
  if (const auto home = environment("HOME"); home && home->starts_with('/')) {
    return fs::path(*home) / ".local/state/penstock" / pipeline;
  }
  return Error{Remedy::kStop, "usage",
               "neither XDG_STATE_HOME nor HOME says where to keep files: use --data-dir DIR"};
}

Result<DataFolder> DataFolder::Take(fs::path path, Clock::Duration patience, const Clock& clock,
                                    std::stop_token stop, const std::function<void()>& on_wait) {
  path = fs::absolute(path);
  PENSTOCK_RETURN_IF_ERROR(MakeFolders(path));
  PENSTOCK_ASSIGN_OR_RETURN(auto run, OpenLock(path / "run.lock", O_CLOEXEC));
  if (!Lock(run)) {
    return FolderError(
        Remedy::kStop,
        fmt::format("another penstock uses {}; --data-dir names another folder", path.string()));
  }
  PENSTOCK_ASSIGN_OR_RETURN(auto children, OpenLock(path / "children.lock", 0));
  const Clock::Time deadline = clock.Now() + patience;
  for (bool told = false; !Lock(children); told = true) {
    if (!told) on_wait();
    if (clock.Now() >= deadline || !WaitUntil(clock.Now() + kLookInterval, stop)) {
      return FolderError(Remedy::kRetry,
                         fmt::format("processes of an earlier run still use {}", path.string()));
    }
  }
  SetLongLogsAside(path / "logs");
  return DataFolder(std::move(path), std::move(run), std::move(children));
}

bool DataFolder::InUse(const fs::path& path) {
  const process::FileDescriptor run(open((path / "run.lock").c_str(), O_RDWR | O_CLOEXEC));
  return run.valid() && !Lock(run);
}

std::string DataFolder::LogFile(const std::string& process) const {
  return path_ / "logs" / (process + ".log");
}

std::string DataFolder::PortFile(const std::string& process) const {
  return path_ / "ports" / process;
}

std::string DataFolder::StateFolder(const std::string& process) const {
  return path_ / "state" / process;
}

std::uint64_t BytesBelow(const fs::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code failed;
  for (fs::recursive_directory_iterator at(folder, failed), end; !failed && at != end;
       at.increment(failed)) {
    std::error_code ignored;
    const auto size = at->is_regular_file(ignored) ? at->file_size(ignored) : 0;
    if (!ignored) bytes += size;
  }
  return bytes;
}

Status WriteFile(const fs::path& path, const std::string& text) {
  const std::string draft = path.string() + ".part";
  std::ofstream file(draft, std::ios::trunc);
  file << text;
  file.close();
  std::error_code failed;
  if (file) fs::rename(draft, path, failed);
  if (!file || failed) {
    return FolderError(Remedy::kStop, fmt::format("cannot write {}", path.string()));
  }
  return Done{};
}

std::string ReadWord(const fs::path& path) {
  std::ifstream file(path);
  std::string word;
  file >> word;
  return word;
}

std::vector<std::string> LastLines(const fs::path& path, std::size_t lines,
                                   const std::vector<std::string>& marks) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return {};
  file.seekg(std::max<std::streamoff>(0, static_cast<std::streamoff>(file.tellg()) - kTail));
  std::deque<std::string> last;
  for (std::string line; std::getline(file, line);) {
    const bool wanted = marks.empty() || std::ranges::any_of(marks, [&](const std::string& mark) {
                          return line.find(mark) != line.npos;
                        });
    if (!wanted) continue;
    last.push_back(std::move(line));
    if (last.size() > lines) last.pop_front();
  }
  return {std::make_move_iterator(last.begin()), std::make_move_iterator(last.end())};
}

}  // namespace penstock::ctl
