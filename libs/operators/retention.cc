#include "operators/retention.h"

#include <algorithm>

namespace penstock::operators {

namespace {

// Of an origin: more are thinned out, which only keeps rows a little longer.
constexpr std::size_t kMostMarks = 64;

}  // namespace

void Retention::Take(std::span<const Section> sections, std::span<const std::int64_t> timestamps_ms,
                     std::int64_t created_ms) {
  created_ms_ = std::max(created_ms_, created_ms);
  if (!first_created_ms_) first_created_ms_ = created_ms;
  for (const Section& section : sections) {
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

void Retention::AddMark(State& state, Offset last, std::int64_t newest_ms) {
  if (!state.marks.empty()) newest_ms = std::max(newest_ms, state.marks.back().newest_ms);
  state.marks.push_back({last, newest_ms});
  if (state.marks.size() < kMostMarks) return;
  // Each second one, with the later offset: a time is passed no earlier than it was.
  std::deque<Mark> kept;
  for (std::size_t i = 1; i < state.marks.size(); i += 2) {
    kept.push_back({state.marks[i].last, state.marks[i - 1].newest_ms});
  }
  kept.back().newest_ms = state.marks.back().newest_ms;
  state.marks = std::move(kept);
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
