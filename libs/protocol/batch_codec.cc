#include "protocol/batch_codec.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/hash.h"
#include "protocol/section_codec.h"

namespace penstock::protocol {

namespace {

constexpr std::string_view kMagic = "PSTB";
constexpr std::uint8_t kHasInput = 1;
constexpr std::uint8_t kHasJoin = 2;
constexpr std::uint8_t kHasWriter = 4;
constexpr std::uint8_t kHasClocks = 8;
constexpr std::uint8_t kKnownFlags = kHasInput | kHasJoin | kHasWriter | kHasClocks;
constexpr std::size_t kChecksumBytes = sizeof(std::uint64_t);
// Far above any message: bounds what a hostile header can make a reader allocate.
constexpr std::size_t kLargestBody = 1ULL << 30;

Error Corrupt(std::string_view what) {
  return Error{Remedy::kStop, "corrupt", fmt::format("batch message: {}", what)};
}

Error Newer(std::string_view what) {
  return Error{Remedy::kStop, "version",
               fmt::format("batch message {}: run the same version of every stage", what)};
}

void AppendBody(const Batch& batch, std::string& body) {
  std::int64_t previous = 0;
  for (const std::int64_t timestamp : batch.timestamps_ms) {
    AppendVarint(body, ZigZag(timestamp - previous));
    previous = timestamp;
  }
  for (const Column& column : batch.columns) {
    const ColumnView view = column.View();
    body.append(view.presence);
    body.append(view.data);
  }
}

bool HasClocks(const Batch& batch) {
  return std::ranges::any_of(batch.sections,
                             [](const Section& section) { return section.clock_ms.has_value(); });
}

std::uint8_t FlagsOf(const Batch& batch) {
  return static_cast<std::uint8_t>((batch.input ? kHasInput : 0) | (batch.join ? kHasJoin : 0) |
                                   (batch.writer ? kHasWriter : 0) |
                                   (HasClocks(batch) ? kHasClocks : 0));
}

void AppendHeader(const Batch& batch, std::uint32_t shards, Codec codec, std::size_t body_bytes,
                  std::string& out) {
  const auto [oldest, newest] = std::ranges::minmax_element(batch.timestamps_ms);
  const bool empty = batch.timestamps_ms.empty();
  out.append(kMagic);
  AppendFixed<std::uint8_t>(out, kBatchVersion);
  AppendFixed(out, codec);
  AppendFixed(out, FlagsOf(batch));
  AppendFixed(out, batch.fingerprints.pipeline);
  AppendFixed(out, batch.fingerprints.schema);
  AppendFixed(out, batch.created_ms);
  AppendFixed(out, batch.shard.rep());
  AppendFixed(out, shards);
  AppendFixed(out, static_cast<std::uint32_t>(batch.rows()));
  AppendFixed(out, empty ? std::int64_t{0} : *oldest);
  AppendFixed(out, empty ? std::int64_t{0} : *newest);
  AppendFixed(out, static_cast<std::uint64_t>(body_bytes));
  if (batch.input) AppendPosition(out, *batch.input);
  if (batch.join) AppendJoinCheckpoint(out, *batch.join);
  if (batch.writer) AppendVarint(out, batch.writer->rep());
}

void AppendColumnInfo(const Column& column, std::string& out) {
  const ColumnView view = column.View();
  AppendString(out, view.name);
  AppendFixed(out, view.type);
  AppendFixed<std::uint8_t>(out, view.HasGaps() ? 1 : 0);
  AppendVarint(out, view.data.size());
}

std::size_t RowsOf(const std::vector<Section>& sections) {
  std::size_t rows = 0;
  for (const Section& section : sections) rows += section.rows();
  return rows;
}

Status ReadHeader(ByteReader& reader, Envelope& envelope, std::uint8_t& flags) {
  const auto codec = reader.Fixed<std::uint8_t>();
  flags = reader.Fixed<std::uint8_t>();
  if ((flags & ~kKnownFlags) != 0) return Newer("has parts that this program does not know");
  envelope.fingerprints.pipeline = reader.Fixed<std::uint64_t>();
  envelope.fingerprints.schema = reader.Fixed<std::uint64_t>();
  envelope.created_ms = reader.Fixed<std::int64_t>();
  envelope.shard = ShardId(reader.Fixed<std::uint32_t>());
  envelope.shards = reader.Fixed<std::uint32_t>();
  envelope.rows = reader.Fixed<std::uint32_t>();
  envelope.oldest_ms = reader.Fixed<std::int64_t>();
  envelope.newest_ms = reader.Fixed<std::int64_t>();
  envelope.body_bytes = reader.Fixed<std::uint64_t>();
  if ((flags & kHasInput) != 0) envelope.input = ReadPosition(reader);
  if ((flags & kHasJoin) != 0) envelope.join = ReadJoinCheckpoint(reader);
  if ((flags & kHasWriter) != 0) {
    envelope.writer = ShardId(static_cast<std::uint32_t>(reader.Varint()));
  }
  if (!reader.ok()) return Corrupt("cut off in its header");
  if (codec > static_cast<std::uint8_t>(Codec::kZstd)) return Corrupt("unknown codec");
  if (envelope.body_bytes > kLargestBody) return Corrupt("claims a body beyond every bound");
  envelope.codec = static_cast<Codec>(codec);
  return Done{};
}

Status ReadColumnInfos(ByteReader& reader, Envelope& envelope) {
  const std::uint64_t columns = reader.Varint();
  for (std::uint64_t i = 0; i < columns && reader.ok(); ++i) {
    ColumnInfo info;
    info.name = reader.String();
    const auto type = reader.Fixed<std::uint8_t>();
    info.has_presence = reader.Fixed<std::uint8_t>() != 0;
    info.data_bytes = reader.Varint();
    if (type > static_cast<std::uint8_t>(PhysicalType::kJson)) {
      return Corrupt(fmt::format("column {} has an unknown type", info.name));
    }
    info.type = static_cast<PhysicalType>(type);
    const std::size_t width = FixedWidth(info.type);
    if (width != 0 && info.data_bytes != width * envelope.rows) {
      return Corrupt(fmt::format("column {} has not one value a row", info.name));
    }
    envelope.columns.push_back(std::move(info));
  }
  return reader.ok() ? Status(Done{}) : Status(Corrupt("cut off in its columns"));
}

}  // namespace

void EncodeBatch(const Batch& batch, std::uint32_t shards, Codec codec, std::string& out) {
  PENSTOCK_CHECK(RowsOf(batch.sections) == batch.rows(), "sections account for every row");
  const std::size_t start = out.size();
  std::size_t body_bytes = batch.rows() * 2;
  for (const Column& column : batch.columns) {
    PENSTOCK_CHECK(column.rows() == batch.rows(), "a column has one value a row");
    body_bytes += column.bytes();
  }
  std::string body;
  body.reserve(body_bytes);
  AppendBody(batch, body);
  AppendHeader(batch, shards, codec, body.size(), out);
  AppendSections(out, batch.sections, HasClocks(batch));
  AppendVarint(out, batch.columns.size());
  for (const Column& column : batch.columns) AppendColumnInfo(column, out);
  Compress(codec, body, out);
  AppendFixed(out, Hash64(std::string_view(out).substr(start)));
}

std::uint64_t DigestOf(std::string_view message) {
  return LoadUnaligned<std::uint64_t>(message.data() + message.size() - kChecksumBytes);
}

Result<Envelope> ReadEnvelope(std::string_view message) {
  if (message.size() < kMagic.size() + 1 + kChecksumBytes || !message.starts_with(kMagic)) {
    return Corrupt("does not start as one");
  }
  const std::string_view content = message.substr(0, message.size() - kChecksumBytes);
  Envelope envelope;
  envelope.digest = DigestOf(message);
  if (Hash64(content) != envelope.digest) return Corrupt("its checksum is wrong");
  const auto version = static_cast<std::uint8_t>(content[kMagic.size()]);
  if (version != kBatchVersion) {
    return Newer(fmt::format("has version {}, this program reads {}", version, kBatchVersion));
  }
  ByteReader reader(content.substr(kMagic.size() + 1));
  std::uint8_t flags = 0;
  PENSTOCK_RETURN_IF_ERROR(ReadHeader(reader, envelope, flags));
  if (!ReadSections(reader, envelope.sections, (flags & kHasClocks) != 0))
    return Corrupt("its sections are malformed");
  if (envelope.rows > envelope.body_bytes)
    return Corrupt("claims more rows than its body can hold");
  if (RowsOf(envelope.sections) != envelope.rows) return Corrupt("its sections miss rows");
  PENSTOCK_RETURN_IF_ERROR(ReadColumnInfos(reader, envelope));
  envelope.body_at = content.size() - reader.left();
  return envelope;
}

Status ReadRows(const Envelope& envelope, std::string_view message, Rows& rows) {
  const std::size_t end = message.size() - kChecksumBytes;
  PENSTOCK_CHECK(envelope.body_at <= end, "the envelope belongs to this message");
  PENSTOCK_RETURN_IF_ERROR(Decompress(envelope.codec,
                                      message.substr(envelope.body_at, end - envelope.body_at),
                                      envelope.body_bytes, rows.body));
  ByteReader reader(rows.body);
  rows.timestamps_ms.resize(envelope.rows);
  std::int64_t timestamp = 0;
  for (std::int64_t& slot : rows.timestamps_ms) slot = timestamp += reader.SignedVarint();
  rows.columns.clear();
  for (const ColumnInfo& info : envelope.columns) {
    ColumnView view{
        .name = info.name, .type = info.type, .rows = envelope.rows, .data = {}, .presence = {}};
    if (info.has_presence) view.presence = reader.Take(envelope.rows);
    view.data = reader.Take(info.data_bytes);
    rows.columns.push_back(view);
  }
  if (!reader.ok() || reader.left() != 0) return Corrupt("its body has not the announced size");
  return Done{};
}

}  // namespace penstock::protocol
