#pragma once

#include <cstddef>
#include <span>

#include "model/batch.h"

namespace penstock::operators {

/// Where the rows of a message come from, walked in their order.
class RowOrigins {
 public:
  explicit RowOrigins(std::span<const Section> sections) : sections_(sections) {}

  struct Place {
    const Section* section = nullptr;
    Offset offset;
  };
  /// Of a row that is not before the one asked for last.
  Place At(std::size_t row) {
    while (section_ < sections_.size()) {
      const auto& runs = sections_[section_].runs;
      for (; run_ < runs.size(); ++run_) {
        if (runs[run_].outcome != Outcome::kRow) continue;
        if (row < first_row_ + runs[run_].count) {
          return {&sections_[section_],
                  Offset(runs[run_].first.rep() + static_cast<std::int64_t>(row - first_row_))};
        }
        first_row_ += runs[run_].count;
      }
      ++section_;
      run_ = 0;
    }
    return {&sections_.back(), sections_.back().last};
  }

 private:
  std::span<const Section> sections_;
  std::size_t section_ = 0;
  std::size_t run_ = 0;
  std::size_t first_row_ = 0;  // Of the run.
};

}  // namespace penstock::operators
