#include "state/rocks_row_store_mark.h"

#include <cstring>

#include "base/bytes.h"
#include "base/format.h"
#include "state/run_files_inner.h"

namespace penstock::state {

namespace {
constexpr std::uint8_t kFormat = 1;
}  // namespace

void AppendMark(const SliceSizes& slices, std::string_view state,
                std::span<const RowRun* const> runs, std::string& out) {
  AppendFixed(out, kFormat);
  for (const std::int64_t size : slices) AppendVarint(out, ZigZag(size));
  AppendString(out, state);
  AppendVarint(out, runs.size());
  for (const RowRun* run : runs) {
    AppendVarint(out, ZigZag(run->slice));
    AppendVarint(out, run->number);
    AppendVarint(out, run->live_rows);
    AppendVarint(out, run->live_bytes);
    AppendString(out, {reinterpret_cast<const char*>(run->removed.data()),
                       run->removed.size() * sizeof(std::uint64_t)});
  }
}

Result<Mark> ReadMark(std::string_view bytes, const SliceSizes& slices,
                      const std::filesystem::path& folder) {
  ByteReader reader(bytes);
  const auto format = reader.Fixed<std::uint8_t>();
  if (format != kFormat) {
    return CorruptStore(fmt::format("it has format {}, this program's is {}", format, kFormat),
                        folder);
  }
  for (const std::int64_t size : slices) {
    const std::int64_t its_size = reader.SignedVarint();
    if (its_size == size) continue;
    return CorruptStore(
        fmt::format("it was made for another window: slices of {} ms, not {}", its_size, size),
        folder);
  }
  Mark mark;
  mark.state = reader.String();
  for (std::uint64_t left = reader.Varint(); left > 0 && reader.ok(); --left) {
    Mark::OfRun& run = mark.runs.emplace_back();
    run.slice = reader.SignedVarint();
    run.number = reader.Varint();
    run.live_rows = reader.Varint();
    run.live_bytes = reader.Varint();
    const std::string_view removed = reader.String();
    run.removed.resize(removed.size() / sizeof(std::uint64_t));
    if (!removed.empty()) {
      std::memcpy(run.removed.data(), removed.data(), run.removed.size() * sizeof(std::uint64_t));
    }
  }
  if (!reader.ok() || reader.left() != 0) return CorruptStore("its mark is malformed", folder);
  return mark;
}

}  // namespace penstock::state
