#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "model/batch.h"
#include "model/shard_record.h"

namespace penstock::protocol {

/// The parts that messages and records share. Readers return false, or leave `reader.ok()`
/// false, on malformed bytes; they never allocate more than the bytes at hand can justify.
void AppendOrigin(std::string& out, const Origin& origin);
Origin ReadOrigin(ByteReader& reader);

void AppendPosition(std::string& out, const Position& position);
Position ReadPosition(ByteReader& reader);

/// Sections of strictly growing offsets within (after, last]; also checks that what is read keeps
/// that shape. A section may span more than its records: those that went elsewhere, or none at all.
/// Their clocks are written only when asked for.
void AppendSections(std::string& out, const std::vector<Section>& sections, bool clocks);
bool ReadSections(ByteReader& reader, std::vector<Section>& sections, bool clocks);

void AppendJoinCheckpoint(std::string& out, const JoinCheckpoint& checkpoint);
JoinCheckpoint ReadJoinCheckpoint(ByteReader& reader);

/// What stands between the magic at the beginning and the checksum (Hash64 of all before it) at the
/// end. Error "corrupt" (kStop); `what` is how that names it.
Result<std::string_view> Unseal(std::string_view bytes, std::string_view magic,
                                std::string_view what);

}  // namespace penstock::protocol
