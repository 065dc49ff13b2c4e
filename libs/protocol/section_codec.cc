#include "protocol/section_codec.h"

#include <limits>

#include "base/format.h"
#include "base/hash.h"

namespace penstock::protocol {

namespace {

// 0: none.
void AppendClock(std::string& out, std::optional<std::int64_t> clock_ms) {
  AppendFixed<std::uint8_t>(out, clock_ms ? 1 : 0);
  if (clock_ms) AppendVarint(out, ZigZag(*clock_ms));
}

std::optional<std::int64_t> ReadClock(ByteReader& reader) {
  if (reader.Fixed<std::uint8_t>() == 0) return std::nullopt;
  return reader.SignedVarint();
}

void AppendSection(std::string& out, const Section& section, bool clocks) {
  AppendOrigin(out, section.origin);
  AppendVarint(out, ZigZag(section.after.rep()));
  AppendVarint(out, static_cast<std::uint64_t>(section.last.rep() - section.after.rep()));
  AppendVarint(out, ZigZag(section.committed.rep()));
  AppendVarint(out, section.birth);
  if (clocks) AppendClock(out, section.clock_ms);
  AppendVarint(out, section.runs.size());
  std::int64_t next = section.after.rep() + 1;
  for (const RecordRun& run : section.runs) {
    AppendVarint(out, static_cast<std::uint64_t>(run.first.rep() - next));
    AppendVarint(out, run.count);
    AppendFixed(out, run.outcome);
    next = run.first.rep() + run.count;
  }
}

// A gap, count or span that no Kafka partition can have: the bytes are not ours.
constexpr std::uint64_t kImplausible = 1ULL << 62;

bool ReadRuns(ByteReader& reader, Section& section) {
  const std::uint64_t runs = reader.Varint();
  std::int64_t next = section.after.rep() + 1;
  for (std::uint64_t i = 0; i < runs && reader.ok(); ++i) {
    const std::uint64_t gap = reader.Varint();
    const std::uint64_t count = reader.Varint();
    const auto outcome = reader.Fixed<std::uint8_t>();
    if (count == 0 || count > std::numeric_limits<std::uint32_t>::max() || outcome >= kOutcomes ||
        gap >= kImplausible) {
      return false;
    }
    const std::int64_t left = section.last.rep() - next + 1;
    if (left <= 0 || gap + count > static_cast<std::uint64_t>(left)) return false;
    const Offset first(next + static_cast<std::int64_t>(gap));
    section.runs.push_back(
        {first, static_cast<std::uint32_t>(count), static_cast<Outcome>(outcome)});
    next = first.rep() + static_cast<std::int64_t>(count);
  }
  return reader.ok();
}

}  // namespace

void AppendOrigin(std::string& out, const Origin& origin) {
  AppendString(out, origin.source_id);
  AppendString(out, origin.topic);
  AppendVarint(out, static_cast<std::uint64_t>(origin.partition));
  AppendVarint(out, origin.generation);
  AppendVarint(out, origin.incarnation);
}

Origin ReadOrigin(ByteReader& reader) {
  Origin origin;
  origin.source_id = reader.String();
  origin.topic = reader.String();
  origin.partition = static_cast<std::int32_t>(reader.Varint());
  origin.generation = static_cast<std::uint32_t>(reader.Varint());
  origin.incarnation = static_cast<std::uint32_t>(reader.Varint());
  return origin;
}

void AppendPosition(std::string& out, const Position& position) {
  AppendFixed(out, position.created_ns);
  AppendFixed(out, position.seq.rep());
  AppendFixed(out, position.digest);
}

Position ReadPosition(ByteReader& reader) {
  Position position;
  position.created_ns = reader.Fixed<std::int64_t>();
  position.seq = StreamSeq(reader.Fixed<std::uint64_t>());
  position.digest = reader.Fixed<std::uint64_t>();
  return position;
}

void AppendSections(std::string& out, const std::vector<Section>& sections, bool clocks) {
  AppendVarint(out, sections.size());
  for (const Section& section : sections) AppendSection(out, section, clocks);
}

bool ReadSections(ByteReader& reader, std::vector<Section>& sections, bool clocks) {
  const std::uint64_t count = reader.Varint();
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    Section section;
    section.origin = ReadOrigin(reader);
    section.after = Offset(reader.SignedVarint());
    const std::uint64_t span = reader.Varint();
    section.committed = Offset(reader.SignedVarint());
    section.birth = reader.Varint();
    if (clocks) section.clock_ms = ReadClock(reader);
    if (span >= kImplausible || section.after.rep() < -1 ||
        section.after.rep() >= static_cast<std::int64_t>(kImplausible)) {
      return false;
    }
    section.last = Offset(section.after.rep() + static_cast<std::int64_t>(span));
    if (!ReadRuns(reader, section)) return false;
    sections.push_back(std::move(section));
  }
  return reader.ok();
}

namespace {

void AppendMark(std::string& out, const TakenIn::Mark& mark) {
  AppendVarint(out, ZigZag(mark.last.rep()));
  AppendClock(out, mark.clock_ms);
  AppendVarint(out, ZigZag(mark.heard_ms));
}

TakenIn::Mark ReadMark(ByteReader& reader) {
  TakenIn::Mark mark;
  mark.last = Offset(reader.SignedVarint());
  mark.clock_ms = ReadClock(reader);
  mark.heard_ms = reader.SignedVarint();
  return mark;
}

void AppendJoinSide(std::string& out, const JoinSideProgress& side) {
  AppendPosition(out, side.position);
  AppendVarint(out, side.kept_from.rep());
  AppendVarint(out, ZigZag(side.newest_ms));
  AppendClock(out, side.time_ms);
  AppendClock(out, side.settled_time_ms);
  AppendVarint(out, side.taken.size());
  for (const TakenIn& taken : side.taken) {
    AppendOrigin(out, taken.origin);
    AppendVarint(out, taken.writer.rep());
    AppendMark(out, taken.now);
    AppendMark(out, taken.settled);
  }
}

JoinSideProgress ReadJoinSide(ByteReader& reader) {
  JoinSideProgress side;
  side.position = ReadPosition(reader);
  side.kept_from = StreamSeq(reader.Varint());
  side.newest_ms = reader.SignedVarint();
  side.time_ms = ReadClock(reader);
  side.settled_time_ms = ReadClock(reader);
  for (std::uint64_t left = reader.Varint(); left > 0 && reader.ok(); --left) {
    TakenIn& taken = side.taken.emplace_back();
    taken.origin = ReadOrigin(reader);
    taken.writer = ShardId(static_cast<std::uint32_t>(reader.Varint()));
    taken.now = ReadMark(reader);
    taken.settled = ReadMark(reader);
  }
  return side;
}

}  // namespace

void AppendJoinCheckpoint(std::string& out, const JoinCheckpoint& checkpoint) {
  AppendJoinSide(out, checkpoint.left);
  AppendJoinSide(out, checkpoint.right);
  AppendClock(out, checkpoint.unmatched_sent_before_ms);
  AppendVarint(out, checkpoint.steps_of_next);
  AppendFixed(out, static_cast<std::uint8_t>(checkpoint.next));
}

JoinCheckpoint ReadJoinCheckpoint(ByteReader& reader) {
  JoinCheckpoint checkpoint;
  checkpoint.left = ReadJoinSide(reader);
  checkpoint.right = ReadJoinSide(reader);
  checkpoint.unmatched_sent_before_ms = ReadClock(reader);
  checkpoint.steps_of_next = reader.Varint();
  checkpoint.next = static_cast<JoinCheckpoint::Next>(reader.Fixed<std::uint8_t>());
  return checkpoint;
}

Result<std::string_view> Unseal(std::string_view bytes, std::string_view magic,
                                std::string_view what) {
  constexpr std::size_t kChecksumBytes = sizeof(std::uint64_t);
  const auto corrupt = [&](std::string_view how) {
    return Error{Remedy::kStop, "corrupt", fmt::format("{}: {}", what, how)};
  };
  if (bytes.size() < magic.size() + 1 + kChecksumBytes || !bytes.starts_with(magic)) {
    return corrupt("does not start as one");
  }
  const std::string_view content = bytes.substr(0, bytes.size() - kChecksumBytes);
  if (Hash64(content) != LoadUnaligned<std::uint64_t>(content.data() + content.size())) {
    return corrupt("its checksum is wrong");
  }
  return content.substr(magic.size());
}

}  // namespace penstock::protocol
