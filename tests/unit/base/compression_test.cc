#include "base/compression.h"

#include <random>
#include <string>

#include <lz4frame.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"

namespace penstock {
namespace {

constexpr Codec kCodecs[] = {Codec::kNone, Codec::kLz4, Codec::kZstd};

// Compressible or not, empty or over several blocks.
std::string AnyBytes(std::mt19937& random) {
  std::string bytes(random() % 4 == 0 ? random() % 200'000 : random() % 200, '\0');
  const unsigned alphabet = random() % 2 == 0 ? 4 : 256;
  for (char& c : bytes) c = static_cast<char>(random() % alphabet);
  return bytes;
}

TEST(CompressionTest, WhatWasCompressedComesBack) {
  for (unsigned seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937 random(seed);
    const std::string bytes = AnyBytes(random);
    for (const Codec codec : kCodecs) {
      std::string compressed = "prefix";
      Compress(codec, bytes, compressed);
      ASSERT_EQ(compressed.substr(0, 6), "prefix");  // Appended.
      std::string back = "something older and longer";
      const Status done =
          Decompress(codec, std::string_view(compressed).substr(6), bytes.size(), back);
      ASSERT_TRUE(done.ok()) << done.error().detail;
      ASSERT_EQ(back, bytes);
    }
  }
}

// No byte of a body is trusted: the result is the promised number of bytes or a clear error.
TEST(CompressionTest, DamagedBodiesAreRefusedOrKeepTheirSize) {
  for (unsigned seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937 random(seed);
    std::string bytes(1 + random() % 500, 'a');
    for (std::size_t i = 0; i < bytes.size(); i += 3) bytes[i] = static_cast<char>(random());
    const Codec codec = kCodecs[random() % 3];
    std::string damaged;
    Compress(codec, bytes, damaged);
    std::size_t size = bytes.size();
    const unsigned damage = random() % 4;
    if (damage == 0) damaged.resize(random() % damaged.size());
    if (damage == 1) damaged[random() % damaged.size()] ^= static_cast<char>(1 + random() % 255);
    if (damage == 2) damaged.push_back(static_cast<char>(random()));
    if (damage == 3) size += random() % 2 == 0 ? 1 : std::size_t(-1);
    std::string back;
    const Status done = Decompress(codec, damaged, size, back);
    if (done.ok()) {
      ASSERT_EQ(back.size(), size);
      ASSERT_EQ(damage, 1U);  // A changed byte may leave a well-formed body; the rest never.
    } else {
      ASSERT_EQ(done.error().code, "corrupt");
      ASSERT_THAT(done.error().detail,
                  testing::ContainsRegex(fmt::format("body of {} bytes does not give {} bytes",
                                                     damaged.size(), size)));
    }
  }
}

TEST(CompressionTest, AnAbsurdSizeOrCodecIsRefused) {
  std::string back;
  EXPECT_FALSE(Decompress(Codec::kLz4, "x", std::size_t{1} << 40, back).ok());
  EXPECT_FALSE(Decompress(static_cast<Codec>(9), "x", 1, back).ok());
}

TEST(CompressionTest, FramesAreReadByTheReferenceDecoder) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937 random(seed);
    const std::string bytes = AnyBytes(random);
    std::string frame;
    Lz4FrameWriter stream;
    stream.Start(frame);
    const std::size_t cut = bytes.size() / 3;
    stream.Write(std::string_view(bytes).substr(0, cut));
    stream.Write(std::string_view(bytes).substr(cut));
    stream.Finish();
    LZ4F_dctx* context = nullptr;
    ASSERT_EQ(LZ4F_createDecompressionContext(&context, LZ4F_VERSION), 0U);
    std::string back(bytes.size() + 1, '\0');
    std::size_t back_size = back.size();
    std::size_t frame_size = frame.size();
    const std::size_t left =
        LZ4F_decompress(context, back.data(), &back_size, frame.data(), &frame_size, nullptr);
    LZ4F_freeDecompressionContext(context);
    ASSERT_EQ(left, 0U);  // The frame is complete.
    ASSERT_EQ(frame_size, frame.size());
    ASSERT_EQ(back.substr(0, back_size), bytes);
  }
}

}  // namespace
}  // namespace penstock
