#include "protocol/shard_record_codec.h"

#include "base/bytes.h"
#include "base/hash.h"
#include "protocol/section_codec.h"

namespace penstock::protocol {

namespace {

constexpr std::string_view kMagic = "PSTR";
constexpr std::uint8_t kVersion = 1;

Error Corrupt(std::string_view what) {
  return Error{Remedy::kStop, "corrupt", fmt::format("shard record: {}", what)};
}

void AppendProgress(std::string& out, const Origin& origin, const OriginProgress& progress) {
  AppendOrigin(out, origin);
  AppendVarint(out, ZigZag(progress.confirmed.rep()));
  for (const std::uint64_t count : progress.account.records) AppendVarint(out, count);
}

void AppendRanges(std::string& out, const std::vector<IntentRange>& ranges) {
  AppendVarint(out, ranges.size());
  for (const IntentRange& range : ranges) {
    AppendOrigin(out, range.origin);
    AppendVarint(out, ZigZag(range.lo.rep()));
    AppendVarint(out, ZigZag(range.hi.rep()));
  }
}

void AppendIntent(std::string& out, const Intent& intent) {
  AppendRanges(out, intent.ranges);
  AppendString(out, intent.token);
  AppendVarint(out, intent.given_up.size());
  for (const GivenUp& row : intent.given_up) {
    AppendOrigin(out, row.origin);
    AppendVarint(out, ZigZag(row.offset.rep()));
  }
}

Intent ReadIntent(ByteReader& reader) {
  Intent intent;
  const std::uint64_t ranges = reader.Varint();
  for (std::uint64_t i = 0; i < ranges && reader.ok(); ++i) {
    IntentRange range{.origin = ReadOrigin(reader), .lo = Offset(0), .hi = Offset(0)};
    range.lo = Offset(reader.SignedVarint());
    range.hi = Offset(reader.SignedVarint());
    intent.ranges.push_back(std::move(range));
  }
  intent.token = reader.String();
  const std::uint64_t given_up = reader.Varint();
  for (std::uint64_t i = 0; i < given_up && reader.ok(); ++i) {
    GivenUp row{.origin = ReadOrigin(reader), .offset = Offset(0)};
    row.offset = Offset(reader.SignedVarint());
    intent.given_up.push_back(std::move(row));
  }
  return intent;
}

}  // namespace

std::string EncodeShardRecord(const ShardRecord& record) {
  std::string out(kMagic);
  AppendFixed(out, kVersion);
  AppendVarint(out, record.birth);
  AppendVarint(out, record.term);
  AppendPosition(out, record.position);
  AppendVarint(out, record.progress.size());
  for (const auto& [origin, progress] : record.progress) AppendProgress(out, origin, progress);
  AppendVarint(out, record.intents.size());
  for (const Intent& intent : record.intents) AppendIntent(out, intent);
  AppendFixed(out, Hash64(out));
  return out;
}

Result<ShardRecord> DecodeShardRecord(std::string_view bytes) {
  constexpr std::size_t kChecksumBytes = sizeof(std::uint64_t);
  if (bytes.size() < kMagic.size() + 1 + kChecksumBytes || !bytes.starts_with(kMagic)) {
    return Corrupt("does not start as one");
  }
  const std::string_view content = bytes.substr(0, bytes.size() - kChecksumBytes);
  if (Hash64(content) != LoadUnaligned<std::uint64_t>(content.data() + content.size())) {
    return Corrupt("its checksum is wrong");
  }
  ByteReader reader(content.substr(kMagic.size()));
  if (const auto version = reader.Fixed<std::uint8_t>(); version != kVersion) {
    return Error{
        Remedy::kStop, "version",
        fmt::format("shard record has version {}, this program reads {}", version, kVersion)};
  }
  ShardRecord record;
  record.birth = reader.Varint();
  record.term = reader.Varint();
  record.position = ReadPosition(reader);
  const std::uint64_t origins = reader.Varint();
  for (std::uint64_t i = 0; i < origins && reader.ok(); ++i) {
    Origin origin = ReadOrigin(reader);
    OriginProgress progress{.confirmed = Offset(reader.SignedVarint()), .account = {}};
    for (std::uint64_t& count : progress.account.records) count = reader.Varint();
    record.progress.emplace(std::move(origin), progress);
  }
  const std::uint64_t intents = reader.Varint();
  for (std::uint64_t i = 0; i < intents && reader.ok(); ++i) {
    record.intents.push_back(ReadIntent(reader));
  }
  if (!reader.ok() || reader.left() != 0) return Corrupt("it is malformed");
  return record;
}

std::string InsertToken(std::string_view pipeline_id, ShardId shard,
                        const std::vector<IntentRange>& ranges) {
  std::string bytes;
  AppendRanges(bytes, ranges);
  return fmt::format("{}/{}/{}", pipeline_id, shard.rep(), Hash128Hex(bytes));
}

}  // namespace penstock::protocol
