#include "chaos/small_disk.h"

#include <utility>

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/format.h"

namespace penstock::testing {

SmallDisk::SmallDisk(std::filesystem::path folder, std::uint64_t bytes)
    : folder_(std::move(folder)) {
  std::filesystem::create_directories(folder_);
  const std::string options = fmt::format("size={}", bytes);
  mounted_ = mount("tmpfs", folder_.c_str(), "tmpfs", 0, options.c_str()) == 0;
}

SmallDisk::~SmallDisk() {
  if (mounted_) umount2(folder_.c_str(), MNT_DETACH);
}

void SmallDisk::Fill(std::uint64_t spare) {
  if (!mounted_) return;
  const std::filesystem::space_info space = std::filesystem::space(folder_);
  if (space.available <= spare) return;
  const int file = open(Ballast().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  [[maybe_unused]] const int failed =
      posix_fallocate(file, 0, static_cast<off_t>(space.available - spare));
  close(file);
}

void SmallDisk::Empty() {
  std::error_code ignored;
  std::filesystem::remove(Ballast(), ignored);
}

}  // namespace penstock::testing
