#include "support/fake_table.h"

#include <algorithm>
#include <sstream>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "protocol/batch_codec.h"

namespace penstock::testing {

namespace {

using clickhouse::ErrorClass;
using sink::TableTrouble;

TableTrouble Trouble(ErrorClass error_class, int code, bool answered = true) {
  TableTrouble trouble;
  trouble.error_class = error_class;
  trouble.code = code;
  trouble.code_name = clickhouse::CodeName(code, {});
  trouble.message = "injected";
  trouble.answered = answered;
  return trouble;
}

std::vector<std::int64_t> IdsOf(const std::string& body) {
  std::istringstream text(body);
  std::vector<std::int64_t> ids;
  for (std::int64_t id = 0; text >> id;) ids.push_back(id);
  return ids;
}

bool Holds(const FakeTable::RowTest& test, std::int64_t id) {
  return test && test(id);
}

std::uint64_t PartitionHash(std::int64_t id, std::int64_t partitions) {
  return Hash64(std::to_string(id % partitions));
}

}  // namespace

void ForEachRow(const sink::Block& block, const std::function<void(const FakeRow&)>& each) {
  protocol::Rows rows;
  for (const sink::Slice& slice : block.slices) {
    const Status read = protocol::ReadRows(slice.message->envelope, slice.message->data, rows);
    ASSERT_TRUE(read.ok()) << read.error().detail;
    for (const sink::SectionPiece& piece : slice.pieces) {
      const Section& section = slice.message->envelope.sections[piece.section];
      const std::size_t before = section.RowsBefore(Next(piece.lo));
      for (std::size_t i = 0; i < piece.rows; ++i) {
        each({.id = rows.columns[0].Fixed<std::int64_t>(piece.first_row + i),
              .number = piece.first_number + i,
              .origin = section.origin,
              .offset = section.OffsetOfRow(before + i)});
      }
    }
  }
}

void FakeTable::Set(Faults faults) {
  std::lock_guard lock(mutex_);
  faults_ = std::move(faults);
}

void FakeTable::Close(ErrorClass error_class) {
  std::lock_guard lock(mutex_);
  closed_ = error_class;
}

void FakeTable::Open() {
  std::lock_guard lock(mutex_);
  closed_.reset();
}

void FakeTable::Change() {
  std::lock_guard lock(mutex_);
  ++version_;
}

std::map<std::int64_t, int> FakeTable::Rows() {
  std::map<std::int64_t, int> rows;
  for (const auto& [token, ids] : Blocks()) {
    for (const std::int64_t id : ids) ++rows[id];
  }
  return rows;
}

std::size_t FakeTable::row_count() {
  std::size_t rows = 0;
  for (const auto& [token, ids] : Blocks()) rows += ids.size();
  return rows;
}

std::uint64_t FakeTable::attempts() {
  std::lock_guard lock(mutex_);
  return attempts_;
}

std::size_t FakeTable::applied() {
  return Blocks().size();
}

std::map<std::string, std::vector<std::int64_t>> FakeTable::Blocks() {
  std::lock_guard lock(mutex_);
  return blocks_;
}

std::optional<TableTrouble> FakeTable::Describe(bool, std::stop_token) {
  return std::nullopt;
}

std::uint64_t FakeTable::version() {
  std::lock_guard lock(mutex_);
  return version_;
}

Result<sink::PreparedBlock> FakeTable::Prepare(const sink::Block& block, const sink::Piece& piece) {
  std::lock_guard lock(mutex_);
  sink::PreparedBlock prepared;
  prepared.table_version = version_;
  ForEachRow(block, [&](const FakeRow& row) {
    if (row.number < piece.begin || row.number >= piece.end) return;
    if (!piece.TakesAllBetween() && !piece.TakesHash(block.partition_hashes.at(row.number))) return;
    for (const GivenUp& given_up : block.intent.given_up) {
      if (given_up.origin == row.origin && given_up.offset == row.offset) return;
    }
    if (Holds(faults_.unconvertible, row.id)) {
      DeadLetter letter;
      letter.component = "sink";
      letter.reason = DeadLetterReason::kMappingError;
      letter.original_message = std::to_string(row.id);
      letter.origin = row.origin;
      letter.offset = row.offset;
      prepared.bad_rows.push_back(letter);
      return;
    }
    if (prepared.rows++ == 0) {
      prepared.first_origin = row.origin;
      prepared.first_offset = row.offset;
    }
    prepared.body += fmt::format("{} ", row.id);
  });
  return prepared;
}

std::optional<TableTrouble> FakeTable::RefusalOf(const std::vector<std::int64_t>& ids) {
  if (OneIn(faults_.busy)) return Trouble(ErrorClass::kTransient, 242);
  if (std::ranges::any_of(ids, [&](std::int64_t id) { return Holds(faults_.refused, id); })) {
    return Trouble(faults_.refused_class, faults_.refused_code);
  }
  if (faults_.partitions > 0) {
    std::set<std::int64_t> partitions;
    for (const std::int64_t id : ids) partitions.insert(id % faults_.partitions);
    if (partitions.size() > faults_.partition_limit) {
      TableTrouble trouble = Trouble(ErrorClass::kSplit, 252);
      trouble.limit = faults_.partition_limit;
      return trouble;
    }
  }
  const bool too_large = faults_.memory_rows > 0 && ids.size() > faults_.memory_rows;
  if (too_large || OneIn(faults_.no_memory)) return Trouble(ErrorClass::kMemory, 241);
  return std::nullopt;
}

std::optional<TableTrouble> FakeTable::Insert(sink::PreparedBlock& prepared, std::string_view token,
                                              std::stop_token) {
  std::uint64_t attempt = 0;
  {
    std::lock_guard lock(mutex_);
    attempt = ++attempts_;
  }
  if (on_insert_) on_insert_(attempt);
  std::lock_guard lock(mutex_);
  if (closed_) return Trouble(*closed_, 1);
  std::vector<std::int64_t> ids = IdsOf(prepared.body);
  if (auto refusal = RefusalOf(ids)) return refusal;
  if (hollow_.contains(std::string(token))) return std::nullopt;
  if (!blocks_.contains(std::string(token)) && OneIn(faults_.hollow)) {
    hollow_.emplace(token);
    return Trouble(ErrorClass::kTransient, 0, false);
  }
  const bool lost = OneIn(faults_.lost);
  if (lost && random_() % 2 == 0) return Trouble(ErrorClass::kTransient, 0, false);
  const auto known = blocks_.try_emplace(std::string(token), ids).first;
  EXPECT_EQ(known->second, ids) << "one token, one set of rows";
  if (lost) return Trouble(ErrorClass::kTransient, 0, false);
  return std::nullopt;
}

std::optional<TableTrouble> FakeTable::CountMissing(const sink::Block& block,
                                                    const sink::Piece& piece, std::chrono::seconds,
                                                    std::size_t& missing, std::stop_token) {
  const std::vector<std::int64_t> ids = IdsOf(Prepare(block, piece).value().body);
  const std::map<std::int64_t, int> rows = Rows();
  missing = static_cast<std::size_t>(
      std::ranges::count_if(ids, [&](std::int64_t id) { return !rows.contains(id); }));
  return std::nullopt;
}

std::optional<TableTrouble> FakeTable::HashPartitions(const sink::Block& block, std::string_view,
                                                      std::vector<std::uint64_t>& hashes,
                                                      std::stop_token) {
  std::lock_guard lock(mutex_);
  if (!faults_.knows_partitions || faults_.partitions == 0) {
    return Trouble(ErrorClass::kAccess, 497);
  }
  hashes.assign(block.rows, 0);
  ForEachRow(block, [&](const FakeRow& row) {
    hashes.at(row.number) = PartitionHash(row.id, faults_.partitions);
  });
  return std::nullopt;
}

Result<std::vector<DeadLetter>> FakeTable::Letters(const sink::Block& block,
                                                   std::span<const GivenUp> rows) {
  std::vector<DeadLetter> letters;
  ForEachRow(block, [&](const FakeRow& row) {
    for (const GivenUp& wanted : rows) {
      if (wanted.origin != row.origin || wanted.offset != row.offset) continue;
      DeadLetter letter;
      letter.component = "sink";
      letter.original_message = std::to_string(row.id);
      letter.origin = row.origin;
      letter.offset = row.offset;
      letter.code = wanted.code;
      letters.push_back(letter);
    }
  });
  return letters;
}

}  // namespace penstock::testing
