#include "protocol/shard_record_codec.h"

#include "base/bytes.h"
#include "base/hash.h"
#include "protocol/section_codec.h"

namespace penstock::protocol {

namespace {

constexpr std::string_view kMagic = "PSTR";
constexpr std::string_view kWhat = "shard record";
// Version 1 had neither splits nor the codes of rows given up, version 2 no join, version 3 neither
// where an account begins, nor the transform's position, nor the last message of an intent.
constexpr std::uint8_t kVersion = 4;
constexpr std::uint8_t kOldestVersion = 1;
// A block has at most 2^20 rows: what claims more was never written.
constexpr std::uint64_t kMostGivenUp = 1 << 20;

Error Corrupt(std::string_view what) {
  return Error{Remedy::kStop, "corrupt", fmt::format("{}: {}", kWhat, what)};
}

void AppendProgress(std::string& out, const Origin& origin, const OriginProgress& progress) {
  AppendOrigin(out, origin);
  AppendVarint(out, ZigZag(progress.confirmed.rep()));
  for (const std::uint64_t count : progress.account.records) AppendVarint(out, count);
  AppendVarint(out, ZigZag(progress.first.value_or(Offset(-1)).rep()));
}

OriginProgress ReadProgress(ByteReader& reader, std::uint8_t version) {
  OriginProgress progress{.confirmed = Offset(reader.SignedVarint()), .account = {}};
  for (std::uint64_t& count : progress.account.records) count = reader.Varint();
  const std::int64_t first = version >= 4 ? reader.SignedVarint() : -1;
  if (first >= 0) progress.first = Offset(first);
  return progress;
}

void AppendRanges(std::string& out, const std::vector<IntentRange>& ranges) {
  AppendVarint(out, ranges.size());
  for (const IntentRange& range : ranges) {
    AppendOrigin(out, range.origin);
    AppendVarint(out, ZigZag(range.lo.rep()));
    AppendVarint(out, ZigZag(range.hi.rep()));
  }
}

// Rows that were given up one after the other: `count` from `first` on, for the same reason.
struct GivenUpRun {
  std::size_t begin = 0;  // Index in the list.
  std::size_t count = 0;
};

// The longest run that begins there. A block that the table refuses whole stays a few bytes.
GivenUpRun RunFrom(const std::vector<GivenUp>& rows, std::size_t begin) {
  std::size_t end = begin + 1;
  while (end < rows.size() && rows[end].origin == rows[begin].origin &&
         rows[end].code == rows[begin].code && rows[end].offset == Next(rows[end - 1].offset)) {
    ++end;
  }
  return {begin, end - begin};
}

void AppendGivenUp(std::string& out, const std::vector<GivenUp>& rows) {
  std::vector<GivenUpRun> runs;
  for (std::size_t at = 0; at < rows.size(); at += runs.back().count) {
    runs.push_back(RunFrom(rows, at));
  }
  AppendVarint(out, runs.size());
  const Origin* origin = nullptr;
  for (const GivenUpRun& run : runs) {
    const GivenUp& first = rows[run.begin];
    const bool same = origin != nullptr && *origin == first.origin;
    AppendFixed(out, static_cast<std::uint8_t>(same));
    if (!same) AppendOrigin(out, first.origin);
    origin = &first.origin;
    AppendVarint(out, ZigZag(first.offset.rep()));
    AppendVarint(out, run.count);
    AppendVarint(out, ZigZag(first.code));
  }
}

// False: there are more than any block has rows.
bool ReadGivenUp(ByteReader& reader, std::vector<GivenUp>& rows) {
  Origin origin;
  for (std::uint64_t runs = reader.Varint(); runs > 0 && reader.ok(); --runs) {
    if (reader.Fixed<std::uint8_t>() == 0) origin = ReadOrigin(reader);
    std::int64_t offset = reader.SignedVarint();
    const std::uint64_t count = reader.Varint();
    const auto code = static_cast<int>(reader.SignedVarint());
    if (count > kMostGivenUp || rows.size() + count > kMostGivenUp) return false;
    for (std::uint64_t i = 0; i < count; ++i) rows.push_back({origin, Offset(offset++), code});
  }
  return true;
}

void AppendPieces(std::string& out, const Intent& intent) {
  AppendVarint(out, intent.splits.size());
  for (const Split& split : intent.splits) {
    AppendString(out, split.path);
    AppendFixed(out, static_cast<std::uint8_t>(split.kind));
    AppendFixed(out, split.bits);
  }
  AppendVarint(out, intent.done.size());
  for (const std::string& path : intent.done) AppendString(out, path);
  AppendString(out, intent.partition_key);
}

// False: there is a split of a kind that nobody makes.
bool ReadPieces(ByteReader& reader, Intent& intent) {
  for (std::uint64_t splits = reader.Varint(); splits > 0 && reader.ok(); --splits) {
    Split& split = intent.splits.emplace_back();
    split.path = reader.String();
    const auto kind = reader.Fixed<std::uint8_t>();
    split.kind = static_cast<SplitKind>(kind);
    split.bits = reader.Fixed<std::uint8_t>();
    if (kind > static_cast<std::uint8_t>(SplitKind::kPartitions)) return false;
    if (reader.ok() && (split.bits == 0 || split.bits > kMostSplitBits)) return false;
  }
  for (std::uint64_t done = reader.Varint(); done > 0 && reader.ok(); --done) {
    intent.done.emplace_back(reader.String());
  }
  intent.partition_key = reader.String();
  return true;
}

void AppendIntent(std::string& out, const Intent& intent) {
  AppendRanges(out, intent.ranges);
  AppendString(out, intent.token);
  AppendGivenUp(out, intent.given_up);
  AppendPieces(out, intent);
  AppendVarint(out, intent.through.rep());
}

void ReadGivenUpOfVersion1(ByteReader& reader, std::vector<GivenUp>& rows) {
  for (std::uint64_t left = reader.Varint(); left > 0 && reader.ok(); --left) {
    GivenUp row{.origin = ReadOrigin(reader), .offset = Offset(0)};
    row.offset = Offset(reader.SignedVarint());
    rows.push_back(std::move(row));
  }
}

bool ReadIntent(ByteReader& reader, std::uint8_t version, Intent& intent) {
  for (std::uint64_t ranges = reader.Varint(); ranges > 0 && reader.ok(); --ranges) {
    IntentRange range{.origin = ReadOrigin(reader), .lo = Offset(0), .hi = Offset(0)};
    range.lo = Offset(reader.SignedVarint());
    range.hi = Offset(reader.SignedVarint());
    intent.ranges.push_back(std::move(range));
  }
  intent.token = reader.String();
  if (version == 1) {
    ReadGivenUpOfVersion1(reader, intent.given_up);
    return true;
  }
  if (!ReadGivenUp(reader, intent.given_up) || !ReadPieces(reader, intent)) return false;
  if (version >= 4) intent.through = StreamSeq(reader.Varint());
  return true;
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
  AppendFixed<std::uint8_t>(out, record.join ? 1 : 0);
  if (record.join) AppendJoinCheckpoint(out, *record.join);
  AppendFixed<std::uint8_t>(out, record.input ? 1 : 0);
  if (record.input) AppendPosition(out, *record.input);
  AppendFixed(out, Hash64(out));
  return out;
}

Result<ShardRecord> DecodeShardRecord(std::string_view bytes) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::string_view content, Unseal(bytes, kMagic, kWhat));
  ByteReader reader(content);
  const auto version = reader.Fixed<std::uint8_t>();
  if (version < kOldestVersion || version > kVersion) {
    return Error{Remedy::kStop, "version",
                 fmt::format("shard record has version {}, this program reads {} to {}", version,
                             kOldestVersion, kVersion)};
  }
  ShardRecord record;
  record.birth = reader.Varint();
  record.term = reader.Varint();
  record.position = ReadPosition(reader);
  const std::uint64_t origins = reader.Varint();
  for (std::uint64_t i = 0; i < origins && reader.ok(); ++i) {
    Origin origin = ReadOrigin(reader);
    record.progress.emplace(std::move(origin), ReadProgress(reader, version));
  }
  const std::uint64_t intents = reader.Varint();
  for (std::uint64_t i = 0; i < intents && reader.ok(); ++i) {
    if (!ReadIntent(reader, version, record.intents.emplace_back())) {
      return Corrupt("an intent in it is none that was ever recorded");
    }
  }
  if (version >= 3 && reader.Fixed<std::uint8_t>() != 0) record.join = ReadJoinCheckpoint(reader);
  if (version >= 4 && reader.Fixed<std::uint8_t>() != 0) record.input = ReadPosition(reader);
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
