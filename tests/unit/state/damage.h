#pragma once

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>
#include <vector>

#include <sys/resource.h>

namespace penstock::state {

/// The regular files below a folder, relative to it, in order.
inline std::vector<std::filesystem::path> FilesIn(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(std::filesystem::relative(entry.path(), folder));
  }
  std::ranges::sort(files);
  return files;
}

/// A copy of a store's folder, which may be open: what would be there after a crash.
inline std::filesystem::path CopyOf(const std::filesystem::path& folder,
                                    const std::filesystem::path& copy) {
  std::filesystem::remove_all(copy);
  std::filesystem::copy(folder, copy, std::filesystem::copy_options::recursive);
  return copy;
}

/// Flips any bit of a file that has some; gives in which byte.
inline std::streamoff FlipABit(const std::filesystem::path& file, std::mt19937_64& random) {
  const auto at = static_cast<std::streamoff>(random() % std::filesystem::file_size(file));
  std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
  bytes.seekg(at);
  const int byte = bytes.get();
  bytes.seekp(at);
  bytes.put(static_cast<char>(byte ^ (1 << (random() % 8))));
  return at;
}

inline void CutOrRemove(const std::filesystem::path& file, bool remove, std::mt19937_64& random) {
  const auto size = std::filesystem::file_size(file);
  if (remove) {
    std::filesystem::remove(file);
  } else if (size > 0) {
    std::filesystem::resize_file(file, random() % size);
  }
}

/// No file may grow beyond this while it lives: what a full disk looks like to a writer.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : signal_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, signal_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  void (*signal_)(int);
  rlimit before_{};
};

}  // namespace penstock::state
