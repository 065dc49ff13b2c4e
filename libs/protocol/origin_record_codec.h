#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/origin_record.h"

namespace penstock::protocol {

/// A partition's record as a key-value entry: versioned, with a checksum. Decoding fails with
/// "corrupt" or "version" (kStop).
std::string EncodeOriginRecord(const OriginRecord& record);
Result<OriginRecord> DecodeOriginRecord(std::string_view bytes);

/// What a commit carries as metadata, a short text: `p1 <generation> <incarnation>`, then, where it
/// is known, the offset and the digest (hex) of the last record before the committed offset.
std::string CommitMetadata(const CommitMark& mark);
/// Empty: nothing that CommitMetadata ever wrote, for example after somebody else's commit.
std::optional<CommitMark> ParseCommitMetadata(std::string_view metadata);

}  // namespace penstock::protocol
