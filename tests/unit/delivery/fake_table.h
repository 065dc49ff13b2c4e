#pragma once

#include <map>
#include <mutex>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/batch_codec.h"
#include "sink/table_writer.h"

namespace penstock::testing {

/// A table in memory that drops a repeated token, as ClickHouse does, and fails now and then before
/// or after it has applied an insert. Rows are the values of the column `id`. Thread-safe.
class FakeTable final : public sink::TableWriter {
 public:
  explicit FakeTable(std::uint64_t seed) : random_(seed) {}

  std::optional<sink::TableTrouble> Describe(bool, std::stop_token) override {
    return std::nullopt;
  }

  Result<sink::PreparedBlock> Prepare(const sink::Block& block) override {
    sink::PreparedBlock prepared;
    for (const sink::Slice& slice : block.slices) {
      protocol::Rows rows;
      PENSTOCK_RETURN_IF_ERROR(
          protocol::ReadRows(slice.message->envelope, slice.message->data, rows));
      for (const sink::SectionPiece& piece : slice.pieces) {
        for (std::size_t i = 0; i < piece.rows; ++i) {
          prepared.body +=
              fmt::format("{} ", rows.columns[0].Fixed<std::int64_t>(piece.first_row + i));
        }
        prepared.rows += piece.rows;
      }
    }
    return prepared;
  }

  std::optional<sink::TableTrouble> Insert(sink::PreparedBlock& prepared, const sink::Block& block,
                                           std::stop_token) override {
    std::lock_guard lock(mutex_);
    const std::uint64_t dice = random_() % 12;
    if (dice == 0) return Trouble(true);
    const auto [known, fresh] = bodies_.try_emplace(block.intent.token, prepared.body);
    EXPECT_EQ(known->second, prepared.body) << "one token, one set of rows";
    if (dice == 1) return Trouble(false);
    return std::nullopt;
  }

  /// How often each row was inserted.
  std::map<std::int64_t, int> Rows() {
    std::lock_guard lock(mutex_);
    std::map<std::int64_t, int> rows;
    for (const auto& [token, body] : bodies_) {
      const char* at = body.c_str();
      while (*at != '\0') {
        char* end = nullptr;
        ++rows[std::strtoll(at, &end, 10)];
        at = end + 1;
      }
    }
    return rows;
  }

 private:
  static sink::TableTrouble Trouble(bool answered) {
    return {.reason = sink::PauseReason::kTransient,
            .code = 0,
            .message = "injected",
            .answered = answered};
  }

  std::mutex mutex_;
  std::mt19937_64 random_;
  std::map<std::string, std::string> bodies_;  // By token.
};

}  // namespace penstock::testing
