#include "process/line_reader.h"

#include <array>
#include <latch>
#include <string>

#include <unistd.h>

#include <gtest/gtest.h>

#include "base/format.h"

namespace penstock::process {
namespace {

// The writing end stays open, as with a grandchild that lives on: the end is when the reader is
// destroyed, and what the pipe held until then is passed on.
TEST(LineReaderTest, TheRestOfThePipeIsPassedOnAtTheEnd) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  const FileDescriptor write_end(ends[1]);
  std::string text;
  for (int i = 0; i < 6000; ++i) text += fmt::format("{:09}\n", i);
  ASSERT_EQ(write(write_end.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  int count = 0;
  std::latch ending(1);
  {
    const LineReader reader(FileDescriptor{ends[0]}, [&](std::string_view line) {
      if (count == 0) ending.wait();
      EXPECT_EQ(line, fmt::format("{:09}", count++));
    });
    ending.count_down();
  }
  EXPECT_EQ(count, 6000);
}

}  // namespace
}  // namespace penstock::process
