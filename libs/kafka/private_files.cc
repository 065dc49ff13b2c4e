#include "kafka/private_files.h"

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace penstock::kafka {
namespace {

Error CannotWrite(const std::string& path, int error) {
  return {Remedy::kStop, "kafka_config",
          fmt::format("cannot write {}: {}; Kerberos needs a folder to write to: set TMPDIR", path,
                      std::generic_category().message(error))};
}

}  // namespace

PrivateFiles::~PrivateFiles() {
  for (const std::string& path : paths_) unlink(path.c_str());
  if (!folder_.empty()) rmdir(folder_.c_str());
}

Status PrivateFiles::MakeFolder() {
  if (!folder_.empty()) return Done{};
  const char* base = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): read at start only.
  std::string pattern = std::string(base == nullptr ? "/tmp" : base) + "/penstock-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) return CannotWrite(pattern, errno);
  folder_ = pattern;
  return Done{};
}

Result<std::string> PrivateFiles::Add(std::string_view name, std::string_view content) {
  PENSTOCK_RETURN_IF_ERROR(MakeFolder());
  std::string path = fmt::format("{}/{}", folder_, name);
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return CannotWrite(path, errno);
  paths_.push_back(path);
  while (!content.empty()) {
    const ssize_t written = write(file, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int error = errno;
      close(file);
      return CannotWrite(path, error);
    }
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  close(file);
  return path;
}

}  // namespace penstock::kafka
