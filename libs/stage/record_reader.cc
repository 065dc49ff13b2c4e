#include "stage/record_reader.h"

#include <algorithm>
#include <utility>

#include "model/dead_letter.h"
#include "protocol/key_bytes.h"
#include "protocol/routing.h"

namespace penstock::stage {

Result<RecordReader> RecordReader::Make(Options options) {
  PENSTOCK_ASSIGN_OR_RETURN(json::RecordParser parser, json::RecordParser::Make(options.plan));
  return RecordReader(std::move(options), std::move(parser));
}

RecordReader::RecordReader(Options options, json::RecordParser parser)
    : options_(std::move(options)), parser_(std::move(parser)) {
  std::vector<std::string> sent;
  for (const PlannedField& field : options_.plan.fields) {
    if (field.sent) sent.push_back(field.name);
    has_metadata_ |= field.metadata;
  }
  for (const std::string& key : options_.plan.route_key) {
    const auto found = std::ranges::find(sent, key);
    PENSTOCK_CHECK(found != sent.end(), "the planner sends the fields of the key");
    key_cells_.push_back(static_cast<std::size_t>(found - sent.begin()));
  }
}

Result<RecordReader::Row> RecordReader::Read(const io::RecordChunk& chunk, std::size_t index) {
  const io::Record& record = chunk.records()[index];
  PENSTOCK_ASSIGN_OR_RETURN(std::span<const Cell> cells, parser_.Parse(record.value));
  if (has_metadata_) cells = WithMetadata(cells, chunk, index);
  Row row{.cells = cells, .bytes = 0, .shard = ShardWithoutKey(chunk.partition(), record.offset)};
  for (const Cell& cell : cells) row.bytes += sizeof(std::uint64_t) + cell.text.size();
  if (routes_by_key()) {
    PENSTOCK_ASSIGN_OR_RETURN(row.shard, ShardOfCells(cells));
  }
  return row;
}

// Kafka's key is bytes; a record without one has null there.
std::span<const Cell> RecordReader::WithMetadata(std::span<const Cell> fields,
                                                 const io::RecordChunk& chunk, std::size_t index) {
  const io::Record& record = chunk.records()[index];
  cells_.assign(fields.begin(), fields.end());
  auto cell = cells_.begin();
  for (const PlannedField& field : options_.plan.fields) {
    if (!field.sent) continue;
    if (field.metadata && field.physical == PhysicalType::kJson) {
      headers_ = chunk.HeadersJson(index);
      *cell = Cell::Json(headers_);
    } else if (field.metadata) {
      *cell =
          record.key.data() == nullptr ? Cell::Missing(Presence::kNull) : Cell::String(record.key);
    }
    ++cell;
  }
  return cells_;
}

ShardId RecordReader::ShardWithoutKey(std::int32_t partition, Offset offset) const {
  return protocol::ShardOf(partition, offset, options_.shards);
}

Result<ShardId> RecordReader::ShardOfCells(std::span<const Cell> cells) {
  key_.clear();
  const auto form =
      options_.plan.route_as_text ? protocol::KeyForm::kText : protocol::KeyForm::kPart;
  for (std::size_t part = 0; part < key_cells_.size(); ++part) {
    const Cell& cell = cells[key_cells_[part]];
    if (cell.presence != Presence::kValue) {
      return Error{Remedy::kDeadLetter, ToText(DeadLetterReason::kKeyMissing),
                   fmt::format("key field '{}' has no value", options_.plan.route_key[part])};
    }
    protocol::AppendKey(key_, cell, form);
  }
  return protocol::ShardOfKey(key_, options_.shards);
}

}  // namespace penstock::stage
