#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace penstock::kafka {

/// A folder under $TMPDIR (else /tmp) that only this user can read, gone with its owner: for
/// libraries that take secrets as files only.
class PrivateFiles {
 public:
  PrivateFiles() = default;
  ~PrivateFiles();
  PrivateFiles(const PrivateFiles&) = delete;
  PrivateFiles& operator=(const PrivateFiles&) = delete;

  /// Writes `content` to a file and gives its path.
  Result<std::string> Add(std::string_view name, std::string_view content);

 private:
  Status MakeFolder();

  std::string folder_;  ///< Empty until the first file.
  std::vector<std::string> paths_;
};

}  // namespace penstock::kafka
