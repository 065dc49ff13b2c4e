#include "protocol/key_log_codec.h"

#include <limits>

#include "base/bytes.h"
#include "base/hash.h"
#include "protocol/section_codec.h"

namespace penstock::protocol {

namespace {

constexpr std::string_view kMagic = "PSTK";
constexpr std::string_view kWhat = "key log message";
constexpr std::size_t kHashBytes = sizeof(std::uint64_t) + sizeof(std::uint32_t);

Error Corrupt(std::string_view what) {
  return Error{Remedy::kStop, "corrupt", fmt::format("{}: {}", kWhat, what)};
}

bool SamePartition(const RecordId& a, const RecordId& b) {
  return a.generation == b.generation && a.partition == b.partition;
}

// Of numbers that may be far apart: the difference wraps around, as does the sum that undoes it.
std::uint64_t Delta(std::int64_t from, std::int64_t to) {
  return ZigZag(
      static_cast<std::int64_t>(static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from)));
}
std::int64_t Moved(std::int64_t from, std::int64_t by) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(from) +
                                   static_cast<std::uint64_t>(by));
}

void AppendRun(std::span<const FirstRow> run, std::int64_t& timestamp_ms, std::string& out) {
  AppendVarint(out, run.front().id.generation);
  AppendVarint(out, ZigZag(run.front().id.partition));
  AppendVarint(out, run.size());
  std::int64_t offset = 0;
  for (const FirstRow& row : run) {
    AppendVarint(out, Delta(offset, row.id.offset.rep()));
    AppendVarint(out, Delta(timestamp_ms, row.timestamp_ms));
    offset = row.id.offset.rep();
    timestamp_ms = row.timestamp_ms;
  }
}

// False when the run is none that was ever written.
bool ReadRun(ByteReader& reader, std::size_t rows_left, std::int64_t& timestamp_ms,
             std::vector<FirstRow>& rows) {
  const std::uint64_t generation = reader.Varint();
  const std::int64_t partition = reader.SignedVarint();
  const std::uint64_t size = reader.Varint();
  if (generation > std::numeric_limits<std::uint32_t>::max()) return false;
  if (partition != static_cast<std::int32_t>(partition)) return false;
  if (size == 0 || size > rows_left) return false;
  FirstRow row;
  row.id.generation = static_cast<std::uint32_t>(generation);
  row.id.partition = static_cast<std::int32_t>(partition);
  for (std::uint64_t i = 0; i < size; ++i) {
    row.id.offset = Offset(Moved(row.id.offset.rep(), reader.SignedVarint()));
    row.timestamp_ms = timestamp_ms = Moved(timestamp_ms, reader.SignedVarint());
    rows.push_back(row);
  }
  return reader.ok();
}

}  // namespace

void EncodeKeyLog(std::span<const FirstRow> rows, std::string& out) {
  PENSTOCK_CHECK(!rows.empty() && rows.size() <= std::numeric_limits<std::uint32_t>::max(),
                 "a message of the key log holds rows");
  const std::size_t start = out.size();
  out.append(kMagic);
  AppendFixed(out, kKeyLogVersion);
  AppendVarint(out, rows.size());
  std::int64_t timestamp_ms = 0;
  for (std::size_t from = 0, to = 0; from < rows.size(); from = to) {
    while (to < rows.size() && SamePartition(rows[to].id, rows[from].id)) ++to;
    AppendRun(rows.subspan(from, to - from), timestamp_ms, out);
  }
  for (const FirstRow& row : rows) {
    AppendFixed(out, row.key.high);
    AppendFixed(out, row.key.low);
  }
  AppendFixed(out, Hash64(std::string_view(out).substr(start)));
}

Status DecodeKeyLog(std::string_view message, std::vector<FirstRow>& rows) {
  rows.clear();
  PENSTOCK_ASSIGN_OR_RETURN(const std::string_view content, Unseal(message, kMagic, kWhat));
  ByteReader reader(content);
  const auto version = reader.Fixed<std::uint8_t>();
  if (version != kKeyLogVersion) {
    return Error{Remedy::kStop, "version",
                 fmt::format("key log message has version {}, this program reads {}: run the "
                             "version that wrote it, or a newer one",
                             version, kKeyLogVersion)};
  }
  const std::uint64_t count = reader.Varint();
  if (count == 0 || count > reader.left() / kHashBytes) return Corrupt("has not room for its rows");
  rows.reserve(count);
  std::int64_t timestamp_ms = 0;
  while (rows.size() < count) {
    if (!ReadRun(reader, count - rows.size(), timestamp_ms, rows)) {
      return Corrupt("a run in it is none that was ever written");
    }
  }
  for (FirstRow& row : rows) {
    row.key.high = reader.Fixed<std::uint64_t>();
    row.key.low = reader.Fixed<std::uint32_t>();
  }
  if (!reader.ok() || reader.left() != 0) return Corrupt("it is malformed");
  return Done{};
}

}  // namespace penstock::protocol
