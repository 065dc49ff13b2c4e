#include "sim/world.h"

#include <algorithm>

#include "base/format.h"
#include "json/dead_letter_json.h"
#include "protocol/names.h"
#include "protocol/shard_record_codec.h"

namespace penstock::sim {

World::World(Shape its_shape)
    : shape(its_shape),
      kafka(its_shape.partitions, "t"),
      table(Below(UINT64_MAX)),
      records_(static_cast<std::size_t>(its_shape.partitions)),
      checked_(records_.size()) {
  EXPECT_TRUE(streams.Ensure(DeadLetterStream()).ok());
  for (const auto hop : {protocol::Hop::kIn, protocol::Hop::kOut, protocol::Hop::kKeys}) {
    for (const io::StreamConfig& stream : StreamsOf(hop)) {
      EXPECT_TRUE(streams.Ensure(stream).ok());
    }
  }
}

std::vector<io::StreamConfig> World::StreamsOf(protocol::Hop hop) const {
  std::vector<io::StreamConfig> configs;
  for (std::uint32_t shard = 0; shard < shape.shards; ++shard) {
    configs.push_back({.name = protocol::StreamName(kPipeline, hop, ShardId(shard)),
                       .subjects = {protocol::Subject(kPipeline, hop, ShardId(shard))}});
  }
  return configs;
}

std::vector<std::string> World::NamesOf(const std::vector<io::StreamConfig>& streams) {
  std::vector<std::string> names;
  for (const io::StreamConfig& stream : streams) names.push_back(stream.name);
  return names;
}

io::StreamConfig World::DeadLetterStream() {
  return {.name = protocol::DeadLetterStream(kPipeline),
          .subjects = {"penstock." + kPipeline + ".dlq.>"}};
}

void World::Produce(std::size_t records) {
  for (std::size_t i = 0; i < records; ++i, ++produced_) {
    const bool again = shape.transforms && next_id_ > 0 && OneIn(6);
    const auto known = static_cast<std::uint64_t>(next_id_);
    const std::int64_t id = again ? static_cast<std::int64_t>(Below(known)) : next_id_++;
    const auto partition = static_cast<std::int32_t>(Below(records_.size()));
    // Gaps, so that offsets spread over the shards' runs.
    if (OneIn(30)) kafka.AppendGap(partition, static_cast<std::int64_t>(Below(4000)));
    const std::string value =
        Ids::IsPoison(id) ? fmt::format("{} is no JSON", id) : fmt::format("{{\"id\":{}}}", id);
    const Offset offset =
        kafka.Append(partition, {.value = value, .timestamp_ms = SystemClock().WallMs()});
    const Place place{partition, offset.rep()};
    records_[static_cast<std::size_t>(partition)].push_back({place, id});
    std::vector<Place>& copies = copies_[id];
    copies.push_back(place);
    const Outcome fate = FateOf(id);
    const bool each = Ids::IsPoison(id) || (shape.transforms && Ids::FailsFilter(id)) ||
                      fate == Outcome::kFiltered;
    ++expected_[copies.size() > 1 && !each ? Outcome::kDuplicate : fate];
  }
}

Outcome World::FateOf(std::int64_t id) const {
  if (Ids::IsPoison(id)) return Outcome::kDeadLetter;
  if (shape.transforms && Ids::FailsFilter(id)) return Outcome::kDeadLetter;
  if (shape.transforms && Ids::IsFiltered(id)) return Outcome::kFiltered;
  if (Ids::IsUnconvertible(id) || Ids::IsRefused(id)) return Outcome::kDeadLetter;
  return Outcome::kRow;
}

// Of a repeated row some copy was the first: which one is the pipeline's choice. One that is lost
// on its way is read again later than its duplicates are accounted for.
bool World::IsDone(const Produced& record, const std::map<std::int64_t, int>& rows) const {
  const std::vector<Place>& copies = copies_.at(record.id);
  if (!std::ranges::all_of(copies, [&](const Place& place) { return IsCommitted(place); })) {
    return true;
  }
  switch (FateOf(record.id)) {
    case Outcome::kRow:
      return rows.contains(record.id);
    case Outcome::kDeadLetter:
      return std::ranges::any_of(copies,
                                 [&](const Place& place) { return letters_.contains(place); });
    case Outcome::kFiltered:
    case Outcome::kDuplicate:
      return true;
  }
  return true;
}

bool World::IsCommitted(const Place& place) const {
  const auto committed = kafka.Committed(place.first);
  return committed && place.second < committed->next.rep();
}

void World::CheckTrimmed(const std::string& stream) {
  if (lost_something_) return;
  const auto state = streams.State(stream);
  EXPECT_TRUE(!state.ok() || state.value().messages > 0) << stream << " was emptied";
}

void World::CheckCommits() {
  if (broken_) return;
  ReadLetters();
  const auto rows = table.Rows();
  for (std::size_t partition = 0; partition < records_.size(); ++partition) {
    std::size_t& checked = checked_[partition];
    for (; checked < records_[partition].size(); ++checked) {
      const Produced& record = records_[partition][checked];
      if (!IsCommitted(record.place)) break;
      if (IsDone(record, rows)) continue;
      broken_ = true;
      ADD_FAILURE() << "offset " << record.place.second << " of partition " << partition << " (id "
                    << record.id << ") is committed, but nowhere";
      return;
    }
  }
}

void World::CheckEnd() {
  ReadLetters();
  std::set<std::int64_t> in_table;
  for (const auto& [id, times] : table.Rows()) {
    in_table.insert(id);
    if (may_repeat_.contains(id)) continue;
    EXPECT_EQ(times, 1) << "row " << id << " is in the table more than once";
  }
  std::size_t letters = 0;
  for (const auto& [id, copies] : copies_) {
    const bool is_row = FateOf(id) == Outcome::kRow;
    EXPECT_EQ(in_table.contains(id), is_row) << "row " << id << (is_row ? " is lost" : "");
    for (const Place& place : copies) letters += letters_.contains(place) ? 1U : 0U;
  }
  EXPECT_EQ(letters, expected_[Outcome::kDeadLetter]) << "dead letters";
  if (lost_account_) return;
  EXPECT_EQ(TotalAccount().records, expected_.records)
      << "account: rows, filtered, duplicates, letters";
}

void World::LoseStream(protocol::Hop hop, ShardId shard) {
  AllowRepeats();
  [[maybe_unused]] const Status gone = streams.Remove(protocol::StreamName(kPipeline, hop, shard));
}

void World::LoseTail(protocol::Hop hop, ShardId shard) {
  AllowRepeats();
  const std::string stream = protocol::StreamName(kPipeline, hop, shard);
  const auto state = streams.State(stream);
  if (!state.ok()) return;
  const std::uint64_t last = state.value().last.rep();
  streams.LoseTail(stream, StreamSeq(last - std::min(last, Below(4))));
}

void World::LoseStreams() {
  for (std::uint32_t shard = 0; shard < shape.shards; ++shard) {
    LoseStream(protocol::Hop::kIn, ShardId(shard));
    if (shape.transforms) LoseStream(protocol::Hop::kOut, ShardId(shard));
  }
}

void World::LoseRecord(ShardId shard) {
  AllowRepeats();
  lost_account_ = true;
  [[maybe_unused]] const Status gone = bucket.Remove(protocol::ShardRecordKey(shard));
}

void World::LoseRecords() {
  AllowRepeats();
  lost_account_ = true;
  bucket.LoseAll();
}

void World::AllowRepeats() {
  lost_something_ = true;
  for (std::size_t partition = 0; partition < records_.size(); ++partition) {
    for (const Produced& record : records_[partition]) {
      if (!IsCommitted(record.place)) may_repeat_.insert(record.id);
    }
  }
}

void World::ReadLetters() {
  for (const auto& message : streams.Messages(protocol::DeadLetterStream(kPipeline))) {
    if (message.seq <= letters_read_) continue;
    letters_read_ = message.seq;
    for (std::size_t at = 0; at < message.data.size();) {
      const std::size_t end = message.data.find('\n', at);
      const auto letter =
          json::ParseDeadLetter(std::string_view(message.data).substr(at, end - at));
      EXPECT_TRUE(letter.ok());
      letters_.emplace(letter.value().origin.partition, letter.value().offset.rep());
      at = end + 1;
    }
  }
}

Account World::TotalAccount() {
  Account total;
  for (std::uint32_t shard = 0; shard < shape.shards; ++shard) {
    const auto entry = bucket.Get(protocol::ShardRecordKey(ShardId(shard)));
    if (!entry.ok() || !entry.value()) continue;
    const auto record = protocol::DecodeShardRecord(entry.value()->value);
    for (const auto& [origin, progress] : record.value().progress) total += progress.account;
  }
  return total;
}

}  // namespace penstock::sim
