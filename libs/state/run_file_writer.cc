#include "state/run_file_writer.h"

#include <utility>

#include <rocksdb/sst_file_writer.h>

#include "state/run_files_inner.h"

namespace penstock::state {

namespace {
constexpr std::size_t kPieceBytes = 256 << 10;
// What was just written is read soon, to answer or to merge.
constexpr bool kForgetWhatWasWritten = false;
}  // namespace

struct RunFileWriter::File {
  explicit File(const rocksdb::Options& options)
      : sst(rocksdb::EnvOptions(options), options, nullptr, kForgetWhatWasWritten) {}
  rocksdb::SstFileWriter sst;
};

RunFileWriter::RunFileWriter(RunFiles& files, std::int64_t slice, std::uint64_t run)
    : files_(&files),
      slice_(slice),
      run_(run),
      path_(files.inner().options.folder / fmt::format("{}.run", run)),
      file_(std::make_unique<File>(files.inner().rocks)) {}
RunFileWriter::RunFileWriter(RunFileWriter&&) noexcept = default;
RunFileWriter& RunFileWriter::operator=(RunFileWriter&&) noexcept = default;

RunFileWriter::~RunFileWriter() {
  if (file_ == nullptr) return;  // Moved from.
  file_.reset();
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

Result<RunFileWriter> RunFileWriter::Open(RunFiles& files, std::int64_t slice, std::uint64_t run) {
  RunFileWriter writer(files, slice, run);
  const auto status = writer.file_->sst.Open(writer.path_.string());
  if (!status.ok()) {
    return Failure(status, "a run cannot be begun", files.inner().options.folder);
  }
  return writer;
}

Status RunFileWriter::Put(std::uint32_t page, std::string_view bytes) {
  const auto status =
      file_->sst.Put(RocksKey({slice_, run_, page}), rocksdb::Slice(bytes.data(), bytes.size()));
  if (status.ok()) return Done{};
  return Failure(status, "a run cannot be written", files_->inner().options.folder);
}

Result<std::uint32_t> RunFileWriter::PutPieces(std::uint32_t page, std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size(); at += kPieceBytes) {
    PENSTOCK_RETURN_IF_ERROR(Put(page++, bytes.substr(at, kPieceBytes)));
  }
  return page;
}

std::uint64_t RunFileWriter::OffsetOfLast(std::size_t size) const {
  // A block is written when the next one begins, so the file ends where the last one will lie. Its
  // first entry: three lengths (shared, key, value), the key, RocksDB's own part of that, the
  // value.
  constexpr std::size_t kKeyBytes = 20 + 8;
  std::size_t lengths = 3;
  for (std::size_t left = size; left >= 0x80; left >>= 7) ++lengths;
  return file_->sst.FileSize() + lengths + kKeyBytes;
}

Status RunFileWriter::Finish() {
  const auto status = file_->sst.Finish();
  if (status.ok()) return Done{};
  return Failure(status, "a run cannot be finished", files_->inner().options.folder);
}

}  // namespace penstock::state
