#include "state/run_writer.h"

#include <utility>

#include "base/check.h"
#include "state/run_files_inner.h"

namespace penstock::state {

namespace {
constexpr std::uint64_t kRowsAPage = 256;
}  // namespace

RunWriter::RunWriter(RunFiles& files, RunInfo info, RunFileWriter file)
    : slice_ms_(files.inner().options.slice_ms), file_(std::move(file)) {
  run_.info = std::move(info);
  run_.filter = KeyFilter::ForKeys(run_.info.rows);
  run_.info.pages = static_cast<std::uint32_t>(run_.info.rows / kRowsAPage + 1);
  run_.info.rows = 0;
}

Result<RunWriter> RunWriter::Open(RunFiles& files, RunInfo info) {
  PENSTOCK_ASSIGN_OR_RETURN(RunFileWriter file,
                            RunFileWriter::Open(files, info.slice, info.number));
  return RunWriter(files, std::move(info), std::move(file));
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
  return file_.Put(page_, page_bytes_);
}

Result<Run> RunWriter::Finish() {
  PENSTOCK_RETURN_IF_ERROR(WritePage());
  PENSTOCK_RETURN_IF_ERROR(file_.PutPieces(kFirstFilterPage, run_.filter.Bytes()));
  std::string header;
  AppendHeader(run_.info, run_.filter.blocks(), slice_ms_, header);
  PENSTOCK_RETURN_IF_ERROR(file_.Put(kHeaderPage, header));
  PENSTOCK_RETURN_IF_ERROR(file_.Finish());
  return std::move(run_);
}

}  // namespace penstock::state
