#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/first_row.h"

namespace penstock::protocol {

/// The wire form of a message of the dedup key log: the new first rows of one input message,
/// little-endian:
///
///   magic "PSTK", version 1, rows
///   runs of rows of one partition:  generation, partition, rows of the run;
///     of each row the offset and the Kafka timestamp, as varint deltas to the row before
///   of each row the 12 bytes of its key's hash
///   XXH3-64 of everything before
///
/// About 14 bytes a row when the rows are in the order of their input. Hashes do not compress.
inline constexpr std::uint8_t kKeyLogVersion = 1;

/// Appends the message to `out`. There is at least one row (checked), fewer than 2^32. Any order
/// is kept; rows of a partition next to each other take the least room.
void EncodeKeyLog(std::span<const FirstRow> rows, std::string& out);

/// Replaces what is in `rows`. Fails (kStop) with code "corrupt", or "version" for a message of
/// another version of the program.
Status DecodeKeyLog(std::string_view message, std::vector<FirstRow>& rows);

}  // namespace penstock::protocol
