#pragma once

#include <cstdint>
#include <filesystem>

namespace penstock::testing {

/// A file system of its own in memory, mounted at a folder, that can be filled up at once. Where
/// this process may not mount anything, the folder is an ordinary one and cannot be filled. One
/// thread.
class SmallDisk {
 public:
  SmallDisk(std::filesystem::path folder, std::uint64_t bytes);
  ~SmallDisk();
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool mounted() const { return mounted_; }
  /// Leaves room for `spare` bytes.
  void Fill(std::uint64_t spare);
  void Empty();

 private:
  std::filesystem::path Ballast() const { return folder_ / "ballast"; }

  const std::filesystem::path folder_;
  bool mounted_ = false;
};

}  // namespace penstock::testing
