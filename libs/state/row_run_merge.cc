#include "state/row_run_merge.h"

#include <utility>

namespace penstock::state {

Result<std::unique_ptr<RowRunMerge>> RowRunMerge::Begin(RunFiles& files,
                                                        std::vector<const RowRun*> inputs,
                                                        std::uint64_t number) {
  std::uint64_t rows = 0;
  for (const RowRun* input : inputs) rows += input->live_rows;
  PENSTOCK_ASSIGN_OR_RETURN(RowRunWriter writer,
                            RowRunWriter::Open(files, inputs.front()->slice, number, rows));
  std::unique_ptr<RowRunMerge> merge(new RowRunMerge(std::move(inputs), std::move(writer)));
  for (const RowRun* input : merge->inputs_) {
    Input& added = merge->cursors_.emplace_back(
        Input{RowRunCursor(files, *input), std::vector<std::uint32_t>(input->rows, kLeftOut)});
    PENSTOCK_RETURN_IF_ERROR(added.cursor.Next());
    if (!added.cursor.done()) ++merge->left_;
  }
  return merge;
}

Status RowRunMerge::Step(std::size_t rows) {
  for (; rows > 0 && left_ > 0; --rows) {
    // A handful of runs: looking at each is faster than a heap.
    Input* least = nullptr;
    for (Input& input : cursors_) {
      if (input.cursor.done()) continue;
      if (least == nullptr || RowBefore(input.cursor.row(), least->cursor.row())) least = &input;
    }
    least->places[least->cursor.place()] = written_++;
    PENSTOCK_RETURN_IF_ERROR(writer_.Add(least->cursor.row()));
    PENSTOCK_RETURN_IF_ERROR(least->cursor.Next());
    if (least->cursor.done()) --left_;
  }
  return Done{};
}

Status RowRunMerge::Finish() {
  PENSTOCK_ASSIGN_OR_RETURN(run_, writer_.Finish());
  return Done{};
}

RowRun RowRunMerge::Take() && {
  std::uint64_t live_bytes = 0;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const std::vector<std::uint32_t>& places = cursors_[i].places;
    for (std::size_t row = 0; row < places.size(); ++row) {
      if (places[row] != kLeftOut && inputs_[i]->IsRemoved(row)) run_.Remove(places[row], 0);
    }
    live_bytes += inputs_[i]->live_bytes;
  }
  run_.live_bytes = live_bytes;
  return std::move(run_);
}

}  // namespace penstock::state
