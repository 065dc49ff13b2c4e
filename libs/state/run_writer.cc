#include "state/run_writer.h"

#include <algorithm>
#include <utility>

#include <rocksdb/sst_file_writer.h>

#include "base/check.h"
#include "state/run_files_inner.h"

namespace penstock::state {

namespace {
constexpr std::uint64_t kRowsAPage = 256;
constexpr std::size_t kFilterPiece = 256 << 10;
// What was just written is read soon, to answer or to merge.
constexpr bool kForgetWhatWasWritten = false;
}  // namespace

struct RunWriter::File {
  explicit File(const rocksdb::Options& options)
      : sst(rocksdb::EnvOptions(options), options, nullptr, kForgetWhatWasWritten) {}
  rocksdb::SstFileWriter sst;
};

RunWriter::RunWriter(RunFiles& files, RunInfo info)
    : files_(&files),
      path_(files.inner().options.folder / fmt::format("{}.run", info.number)),
      file_(std::make_unique<File>(files.inner().rocks)) {
  run_.info = std::move(info);
  run_.filter = KeyFilter::ForKeys(run_.info.rows);
  run_.info.pages = static_cast<std::uint32_t>(run_.info.rows / kRowsAPage + 1);
  run_.info.rows = 0;
}
RunWriter::RunWriter(RunWriter&&) noexcept = default;

RunWriter::~RunWriter() {
  if (file_ == nullptr) return;  // Moved from.
  file_.reset();
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

Result<RunWriter> RunWriter::Open(RunFiles& files, RunInfo info) {
  RunWriter writer(files, std::move(info));
  const auto status = writer.file_->sst.Open(writer.path_.string());
  if (!status.ok()) {
    return Failure(status, "a run cannot be begun", files.inner().options.folder);
  }
  return writer;
}

Status RunWriter::Add(const FirstRow& row) {
  const std::uint32_t page = PageOf(run_.info, row.key);
  if (page != page_) {
    PENSTOCK_CHECK(page > page_, "rows come in the order of their keys");
    PENSTOCK_RETURN_IF_ERROR(WritePage());
    page_ = page;
  }
  page_rows_.push_back(row);
  run_.filter.Insert(row.key);
  return Done{};
}

Status RunWriter::WritePage() {
  if (page_rows_.empty()) return Done{};
  page_bytes_.clear();
  page_writer_.Append(page_rows_, page_bytes_);
  run_.info.rows += page_rows_.size();
  page_rows_.clear();
  return Put(page_, page_bytes_);
}

Status RunWriter::Put(std::uint32_t page, std::string_view bytes) {
  const auto status = file_->sst.Put(RocksKey({run_.info.slice, run_.info.number, page}),
                                     rocksdb::Slice(bytes.data(), bytes.size()));
  if (status.ok()) return Done{};
  return Failure(status, "a run cannot be written", files_->inner().options.folder);
}

Result<Run> RunWriter::Finish() {
  PENSTOCK_RETURN_IF_ERROR(WritePage());
  const std::string_view filter = run_.filter.Bytes();
  std::uint32_t page = kFirstFilterPage;
  for (std::size_t at = 0; at < filter.size(); at += kFilterPiece) {
    PENSTOCK_RETURN_IF_ERROR(Put(page++, filter.substr(at, kFilterPiece)));
  }
  std::string header;
  AppendHeader(run_.info, run_.filter.blocks(), files_->inner().options.slice_ms, header);
  PENSTOCK_RETURN_IF_ERROR(Put(kHeaderPage, header));
  const auto status = file_->sst.Finish();
  if (!status.ok()) {
    return Failure(status, "a run cannot be finished", files_->inner().options.folder);
  }
  return std::move(run_);
}

}  // namespace penstock::state
