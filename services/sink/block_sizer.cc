#include "sink/block_sizer.h"

#include <algorithm>
#include <cmath>

namespace penstock::sink {

namespace {

constexpr int kMostExponent = 4;
// Blocks of the new size must have arrived before another refusal says anything about it.
constexpr auto kSettle = std::chrono::seconds(5);
constexpr auto kDecay = std::chrono::minutes(1);

std::size_t Times(std::size_t limit, double scale, std::size_t most) {
  const auto scaled = static_cast<std::size_t>(static_cast<double>(limit) * scale);
  return std::clamp<std::size_t>(scaled, 1, std::max(limit, most));
}

}  // namespace

double BlockSizer::Scale(Clock::Time now) {
  std::lock_guard lock(mutex_);
  Decay(now);
  return std::ldexp(1.0, exponent_);
}

BlockPlanner::Limits BlockSizer::Scaled(BlockPlanner::Limits limits, Clock::Time now) {
  const double scale = Scale(now);
  limits.rows = Times(limits.rows, scale, kServerRows);
  limits.body_bytes = Times(limits.body_bytes, scale, kServerBytes);
  return limits;
}

Clock::Duration BlockSizer::Scaled(Clock::Duration max_delay, Clock::Time now) {
  return std::chrono::duration_cast<Clock::Duration>(max_delay * std::max(1.0, Scale(now)));
}

void BlockSizer::Move(int step, Clock::Time now) {
  std::lock_guard lock(mutex_);
  if (exponent_ != 0 && now - moved_ < kSettle) return;
  exponent_ = std::clamp(exponent_ + step, -kMostExponent, kMostExponent);
  moved_ = now;
}

void BlockSizer::Decay(Clock::Time now) {
  for (; exponent_ != 0 && now - moved_ >= kDecay; moved_ += kDecay) {
    exponent_ += exponent_ > 0 ? -1 : 1;
  }
}

}  // namespace penstock::sink
