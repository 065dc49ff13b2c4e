#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "state/run_files.h"

namespace penstock::state {

/// Writes the file of a run beside the store. It is removed unless it was taken in. Errors are
/// those of KeyStore.
class RunFileWriter {
 public:
  static Result<RunFileWriter> Open(RunFiles& files, std::int64_t slice, std::uint64_t run);
  RunFileWriter(RunFileWriter&&) noexcept;
  RunFileWriter& operator=(RunFileWriter&&) noexcept;
  ~RunFileWriter();

  /// Pages in order.
  Status Put(std::uint32_t page, std::string_view bytes);
  /// The same bytes in pieces of a bounded size, as pages that follow each other; gives the one
  /// after them.
  Result<std::uint32_t> PutPieces(std::uint32_t page, std::string_view bytes);
  Status Finish();
  /// Where in the file the value of `size` bytes lies that was put last, if it lies in a block
  /// by itself or first in it: RocksDB's format of files.
  std::uint64_t OffsetOfLast(std::size_t size) const;
  const std::filesystem::path& path() const { return path_; }

 private:
  struct File;
  RunFileWriter(RunFiles& files, std::int64_t slice, std::uint64_t run);

  RunFiles* files_;
  std::int64_t slice_;
  std::uint64_t run_;
  std::filesystem::path path_;
  std::unique_ptr<File> file_;
};

}  // namespace penstock::state
