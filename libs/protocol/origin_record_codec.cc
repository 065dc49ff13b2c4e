#include "protocol/origin_record_codec.h"

#include <charconv>
#include <vector>

#include "base/bytes.h"
#include "base/format.h"
#include "base/hash.h"
#include "protocol/section_codec.h"

namespace penstock::protocol {

namespace {

constexpr std::string_view kMagic = "PSTO";
constexpr std::string_view kWhat = "record of a partition";
constexpr std::uint8_t kVersion = 1;
constexpr std::string_view kMetadata = "p1";

Error Corrupt(std::string_view what) {
  return Error{Remedy::kStop, "corrupt", fmt::format("{}: {}", kWhat, what)};
}

template <typename Number>
bool Parse(std::string_view text, Number& number, int base = 10) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  return words;
}

}  // namespace

std::string EncodeOriginRecord(const OriginRecord& record) {
  std::string out(kMagic);
  AppendFixed(out, kVersion);
  AppendVarint(out, ZigZag(record.committed.rep()));
  AppendVarint(out, record.mark.generation);
  AppendVarint(out, record.mark.incarnation);
  AppendFixed<std::uint8_t>(out, record.mark.before ? 1 : 0);
  if (record.mark.before) {
    AppendVarint(out, ZigZag(record.mark.before->offset.rep()));
    AppendFixed(out, record.mark.before->digest);
  }
  AppendVarint(out, ZigZag(record.published.rep()));
  AppendVarint(out, record.shards.size());
  for (const PublishedInShard& shard : record.shards) {
    AppendVarint(out, shard.shard.rep());
    AppendVarint(out, ZigZag(shard.last.rep()));
    AppendPosition(out, shard.position);
  }
  AppendFixed(out, Hash64(out));
  return out;
}

Result<OriginRecord> DecodeOriginRecord(std::string_view bytes) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::string_view content, Unseal(bytes, kMagic, kWhat));
  ByteReader reader(content);
  if (const auto version = reader.Fixed<std::uint8_t>(); version != kVersion) {
    return Error{Remedy::kStop, "version",
                 fmt::format("record of a partition has version {}, this program reads {}", version,
                             kVersion)};
  }
  OriginRecord record;
  record.committed = Offset(reader.SignedVarint());
  record.mark.generation = static_cast<std::uint32_t>(reader.Varint());
  record.mark.incarnation = static_cast<std::uint32_t>(reader.Varint());
  if (reader.Fixed<std::uint8_t>() != 0) {
    const Offset offset(reader.SignedVarint());
    record.mark.before = RecordMark{offset, reader.Fixed<std::uint64_t>()};
  }
  record.published = Offset(reader.SignedVarint());
  for (std::uint64_t left = reader.Varint(); left > 0 && reader.ok(); --left) {
    const ShardId shard(static_cast<std::uint32_t>(reader.Varint()));
    const Offset last(reader.SignedVarint());
    record.shards.push_back({shard, last, ReadPosition(reader)});
  }
  if (!reader.ok() || reader.left() != 0) return Corrupt("it is malformed");
  return record;
}

std::string CommitMetadata(const CommitMark& mark) {
  std::string text = fmt::format("{} {} {}", kMetadata, mark.generation, mark.incarnation);
  if (mark.before) {
    text += fmt::format(" {} {:016x}", mark.before->offset.rep(), mark.before->digest);
  }
  return text;
}

std::optional<CommitMark> ParseCommitMetadata(std::string_view metadata) {
  const std::vector<std::string_view> words = Words(metadata);
  if ((words.size() != 3 && words.size() != 5) || words[0] != kMetadata) return std::nullopt;
  CommitMark mark;
  if (!Parse(words[1], mark.generation) || !Parse(words[2], mark.incarnation)) return std::nullopt;
  if (words.size() == 3) return mark;
  std::int64_t offset = 0;
  RecordMark before;
  if (!Parse(words[3], offset) || !Parse(words[4], before.digest, 16)) return std::nullopt;
  before.offset = Offset(offset);
  mark.before = before;
  return mark;
}

}  // namespace penstock::protocol
