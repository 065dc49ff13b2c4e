#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/compression.h"
#include "base/result.h"
#include "model/batch.h"
#include "model/shard_record.h"

namespace penstock::protocol {

/// The wire form of a batch, little-endian:
///
///   magic "PSTB", version 1, codec, flags (what follows the header; bit 3: sections have clocks)
///   fingerprints of pipeline and schema, creation time, shard, number of shards, rows,
///   oldest and newest Kafka timestamp of the rows, size of the body before compression
///   [input position] [join checkpoint] [writer]
///   sections:  origin, (after, last], committed, birth, [clock], runs of (offset gap, count,
///   outcome) columns:   name, physical type, whether a presence map follows, size of the data
///   body, compressed as a whole:  timestamps as varint deltas; of each column presence and data
///   XXH3-64 of everything before
///
/// Sections and columns are outside the compressed body, so that a stage can decide about rows
/// without touching their data. A reader that meets another version, a wrong checksum or an
/// inconsistency stops with code "corrupt" or "version": it never skips.
inline constexpr std::uint8_t kBatchVersion = 1;

struct ColumnInfo {
  std::string name;
  PhysicalType type = PhysicalType::kString;
  bool has_presence = false;
  std::size_t data_bytes = 0;
};

/// All of a message but the rows.
struct Envelope {
  Fingerprints fingerprints;
  Codec codec = Codec::kNone;
  std::int64_t created_ms = 0;
  ShardId shard;
  std::uint32_t shards = 0;
  std::size_t rows = 0;
  std::int64_t oldest_ms = 0;  ///< Of the rows' Kafka timestamps; 0 without rows.
  std::int64_t newest_ms = 0;
  std::optional<Position> input;  ///< Of a stage between ingestor and sink: how far it has read.
  std::optional<JoinCheckpoint> join;  ///< Of a join's output.
  std::optional<ShardId> writer;       ///< Of a message that was shuffled.
  std::vector<Section> sections;
  std::vector<ColumnInfo> columns;
  std::size_t body_bytes = 0;  ///< Before compression.
  std::size_t body_at = 0;     ///< Where the body starts in the message.
  std::uint64_t digest = 0;    ///< The checksum: what Position::digest holds.
};

/// The rows of a message. The column views point into `body`; reuse the object to keep its memory.
struct Rows {
  std::string body;
  std::vector<std::int64_t> timestamps_ms;
  std::vector<ColumnView> columns;
};

/// Appends the message to `out`. The batch's columns have one value a row and its sections as
/// many kRow records as there are rows (checked). `shards` is the pipeline's number of shards.
void EncodeBatch(const Batch& batch, std::uint32_t shards, Codec codec, std::string& out);

/// Envelope::digest of a message that EncodeBatch has made.
std::uint64_t DigestOf(std::string_view message);

/// Checks the checksum and reads all but the rows.
Result<Envelope> ReadEnvelope(std::string_view message);

/// Reads the rows of a message whose envelope was read.
Status ReadRows(const Envelope& envelope, std::string_view message, Rows& rows);

}  // namespace penstock::protocol
