#include "operators/retention.h"

#include <algorithm>

namespace penstock::operators {

namespace {

// A mark covers so much of a window. When an origin has very many the last one grows instead: that
// keeps rows longer, and ends when the commit comes on.
constexpr std::int64_t kMarksPerWindow = 16;
constexpr std::size_t kMostMarks = 1024;

}  // namespace

void Retention::Take(std::span<const Section> sections, std::span<const std::int64_t> timestamps_ms,
                     std::int64_t created_ms) {
  created_ms_ = std::max(created_ms_, created_ms);
  if (!first_created_ms_) first_created_ms_ = created_ms;
  for (const Section& section : sections) {
    if (section.last == section.after) {
      // An origin that is silent, with its clock: it is not waited for.
      const auto known = origins_.find(section.origin);
      if (known != origins_.end()) Commit(known->second, section.committed);
      continue;
    }
    State& state = origins_[section.origin];
    state.seen_ms = created_ms_;
    const std::size_t rows = section.rows();
    if (rows > 0) {
      const auto times = timestamps_ms.subspan(0, rows);
      AddMark(state, section.last, *std::ranges::max_element(times));
    }
    timestamps_ms = timestamps_ms.subspan(rows);
    Commit(state, section.committed);
  }
}

void Retention::AddMark(State& state, Offset last, std::int64_t newest_ms) const {
  if (!state.marks.empty()) {
    Mark& mark = state.marks.back();
    newest_ms = std::max(newest_ms, mark.newest_ms);
    const bool near = newest_ms - mark.oldest_ms < window_ms_ / kMarksPerWindow;
    if (near || state.marks.size() >= kMostMarks) {
      mark.last = last;
      mark.newest_ms = newest_ms;
      return;
    }
  }
  state.marks.push_back({.last = last, .oldest_ms = newest_ms, .newest_ms = newest_ms});
}

void Retention::Commit(State& state, Offset committed) {
  while (!state.marks.empty() && state.marks.front().last < committed) {
    state.passed_ms = std::max(state.passed_ms.value_or(state.marks.front().newest_ms),
                               state.marks.front().newest_ms);
    state.marks.pop_front();
  }
}

std::optional<std::int64_t> Retention::ForgetBefore() const {
  std::optional<std::int64_t> passed;
  if (!first_created_ms_) return std::nullopt;
  for (const auto& [origin, state] : origins_) {
    if (created_ms_ - state.seen_ms.value_or(*first_created_ms_) > kIdleAfterMs) continue;
    if (!state.passed_ms) return std::nullopt;
    passed = std::min(passed.value_or(*state.passed_ms), *state.passed_ms);
  }
  if (!passed) return std::nullopt;
  return *passed - window_ms_;
}

}  // namespace penstock::operators
