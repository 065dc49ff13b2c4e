#include "operators/deduplicator.h"

#include <algorithm>
#include <bit>

#include "base/format.h"
#include "operators/cell_cursor.h"
#include "operators/key_hash.h"
#include "protocol/key_bytes.h"

namespace penstock::operators {

namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;

}  // namespace

Deduplicator::Deduplicator(const TransformPlan& plan, state::KeyStore& keys)
    : key_fields_(plan.dedup_key), window_ns_(plan.dedup_window.count()), keys_(keys) {}

Status Deduplicator::ReadKeys(std::span<const ColumnView> columns, std::span<Outcome> outcomes,
                              std::vector<Row>& rows, std::vector<std::size_t>& without_key) {
  std::vector<CellCursor> cursors;
  for (const std::string& field : key_fields_) {
    const auto column = std::ranges::find(columns, field, &ColumnView::name);
    if (column == columns.end()) {
      return Error{Remedy::kStop, "corrupt", fmt::format("there is no column '{}'", field)};
    }
    cursors.emplace_back(*column);
  }
  rows.clear();
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    key_.clear();
    bool complete = true;
    for (CellCursor& cursor : cursors) {
      const Cell cell = cursor.Next();
      complete &= cell.presence == Presence::kValue;
      if (cell.presence == Presence::kValue) protocol::AppendKeyPart(key_, cell);
    }
    if (outcomes[i] != Outcome::kRow) continue;
    if (complete) {
      rows.push_back({.index = i, .key = KeyHashOf(key_), .id = {}, .timestamp_ms = 0});
    } else {
      outcomes[i] = Outcome::kDeadLetter;
      without_key.push_back(i);
    }
  }
  return Done{};
}

Status Deduplicator::Decide(std::span<const Row> rows, std::span<Outcome> outcomes,
                            std::vector<FirstRow>& first_rows) {
  hashes_.clear();
  for (const Row& row : rows) hashes_.push_back(row.key);
  PENSTOCK_RETURN_IF_ERROR(keys_.Find(hashes_, matches_));
  StartTable(rows.size());
  const std::size_t mask = table_.size() - 1;
  const std::size_t before = first_rows.size();
  auto match = matches_.begin();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    bool replayed = false;
    bool repeated = false;
    const auto compare = [&](const RecordId& id, std::int64_t timestamp_ms) {
      replayed |= id == row.id;
      repeated |= IsWithinWindow(timestamp_ms, row.timestamp_ms);
    };
    for (; match != matches_.end() && match->index == i; ++match) {
      compare(match->id, match->timestamp_ms);
    }
    std::size_t slot = row.key.high & mask;
    for (; table_[slot] != 0; slot = (slot + 1) & mask) {
      const FirstRow& first = first_rows[before + table_[slot] - 1];
      if (first.key == row.key) compare(first.id, first.timestamp_ms);
    }
    if (replayed) continue;
    if (repeated) {
      outcomes[row.index] = Outcome::kDuplicate;
      continue;
    }
    first_rows.push_back({row.key, row.id, row.timestamp_ms});
    table_[slot] = static_cast<std::uint32_t>(first_rows.size() - before);
  }
  return Done{};
}

bool Deduplicator::IsWithinWindow(std::int64_t a_ms, std::int64_t b_ms) const {
  const std::int64_t apart_ms = a_ms < b_ms ? b_ms - a_ms : a_ms - b_ms;
  return apart_ms < window_ns_ / kNsPerMs ||
         (apart_ms == window_ns_ / kNsPerMs && window_ns_ % kNsPerMs != 0);
}

void Deduplicator::StartTable(std::size_t rows) {
  table_.assign(std::bit_ceil(2 * rows + 1), 0);
}

}  // namespace penstock::operators
