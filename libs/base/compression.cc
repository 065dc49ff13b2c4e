#include "base/compression.h"

#include <memory>

#include <lz4.h>
#include <lz4frame.h>
#include <zstd.h>

#include "base/check.h"
#include "base/handle.h"

namespace penstock {

namespace {

constexpr int kZstdLevel = 1;
// On columns of log lines a quarter faster than 1, for a twentieth more bytes.
constexpr int kLz4Acceleration = 6;
constexpr int kFastLz4Level = -7;  // Negative: LZ4's acceleration.
constexpr std::size_t kLz4PieceBytes = 256U << 10;

LZ4F_preferences_t FastLz4() {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockSizeID = LZ4F_max256KB;
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;
  preferences.compressionLevel = kFastLz4Level;
  return preferences;
}

/// Memory to compress into, kept by each thread at the largest size it ever needed: a body is
/// compressed for every message, and fresh memory of its bound would cost as much as the copy out
/// of it. Never initialised.
char* Scratch(std::size_t size) {
  thread_local std::unique_ptr<char[]> memory;
  thread_local std::size_t have = 0;
  if (have < size) {
    memory = std::make_unique_for_overwrite<char[]>(size);
    have = size;
  }
  return memory.get();
}

void AppendLz4(std::string_view bytes, std::string& out) {
  const int bound = LZ4_compressBound(static_cast<int>(bytes.size()));
  char* scratch = Scratch(static_cast<std::size_t>(bound));
  const int written = LZ4_compress_fast(bytes.data(), scratch, static_cast<int>(bytes.size()),
                                        bound, kLz4Acceleration);
  PENSTOCK_CHECK(written > 0 || bytes.empty(), "LZ4 has room for its own bound");
  out.append(scratch, static_cast<std::size_t>(written));
}

void AppendZstd(std::string_view bytes, std::string& out) {
  const std::size_t bound = ZSTD_compressBound(bytes.size());
  char* scratch = Scratch(bound);
  const std::size_t written = ZSTD_compress(scratch, bound, bytes.data(), bytes.size(), kZstdLevel);
  PENSTOCK_CHECK(ZSTD_isError(written) == 0, "ZSTD has room for its own bound");
  out.append(scratch, written);
}

}  // namespace

void Compress(Codec codec, std::string_view bytes, std::string& out) {
  PENSTOCK_CHECK(bytes.size() <= LZ4_MAX_INPUT_SIZE, "bodies are bounded far below 2 GB");
  switch (codec) {
    case Codec::kNone:
      out.append(bytes);
      return;
    case Codec::kLz4:
      return AppendLz4(bytes, out);
    case Codec::kZstd:
      return AppendZstd(bytes, out);
  }
}

Status Decompress(Codec codec, std::string_view compressed, std::size_t size, std::string& out) {
  const auto corrupt = [&](const char* what) {
    return Error{
        Remedy::kStop, "corrupt",
        fmt::format("{} body of {} bytes does not give {} bytes", what, compressed.size(), size)};
  };
  if (size > LZ4_MAX_INPUT_SIZE || compressed.size() > LZ4_MAX_INPUT_SIZE)
    return corrupt("oversized");
  out.resize(size);
  switch (codec) {
    case Codec::kNone:
      if (compressed.size() != size) return corrupt("uncompressed");
      out.assign(compressed);
      return Done{};
    case Codec::kLz4: {
      const int got =
          LZ4_decompress_safe(compressed.data(), out.data(), static_cast<int>(compressed.size()),
                              static_cast<int>(size));
      if (got < 0 || static_cast<std::size_t>(got) != size) return corrupt("LZ4");
      return Done{};
    }
    case Codec::kZstd: {
      const std::size_t got =
          ZSTD_decompress(out.data(), size, compressed.data(), compressed.size());
      if (ZSTD_isError(got) != 0 || got != size) return corrupt("ZSTD");
      return Done{};
    }
  }
  return corrupt("unknown codec's");
}

struct Lz4FrameWriter::State {
  Handle<LZ4F_cctx, LZ4F_freeCompressionContext> context;
  std::string piece;  // What LZ4 writes at a time, before it goes to the end of `out`.
  std::string* out = nullptr;

  void Append(std::size_t written) {
    PENSTOCK_CHECK(LZ4F_isError(written) == 0, "LZ4F has room for its own bound");
    out->append(piece, 0, written);
  }
};

Lz4FrameWriter::Lz4FrameWriter() : state_(std::make_unique<State>()) {
  LZ4F_cctx* context = nullptr;
  const auto error = LZ4F_createCompressionContext(&context, LZ4F_VERSION);
  PENSTOCK_CHECK(LZ4F_isError(error) == 0, "LZ4F has memory for a context");
  state_->context.reset(context);
  const LZ4F_preferences_t preferences = FastLz4();
  state_->piece.resize(LZ4F_compressBound(kLz4PieceBytes, &preferences));
}
Lz4FrameWriter::~Lz4FrameWriter() = default;
Lz4FrameWriter::Lz4FrameWriter(Lz4FrameWriter&&) noexcept = default;
Lz4FrameWriter& Lz4FrameWriter::operator=(Lz4FrameWriter&&) noexcept = default;

void Lz4FrameWriter::Start(std::string& out) {
  state_->out = &out;
  const LZ4F_preferences_t preferences = FastLz4();
  state_->Append(LZ4F_compressBegin(state_->context.get(), state_->piece.data(),
                                    state_->piece.size(), &preferences));
}

void Lz4FrameWriter::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, kLz4PieceBytes);
    bytes.remove_prefix(part.size());
    state_->Append(LZ4F_compressUpdate(state_->context.get(), state_->piece.data(),
                                       state_->piece.size(), part.data(), part.size(), nullptr));
  }
}

void Lz4FrameWriter::Finish() {
  state_->Append(
      LZ4F_compressEnd(state_->context.get(), state_->piece.data(), state_->piece.size(), nullptr));
  state_->out = nullptr;
}

}  // namespace penstock
