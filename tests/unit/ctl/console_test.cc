#include "ctl/console.h"

#include <cstdio>
#include <string>

#include <gtest/gtest.h>

namespace penstock::ctl {
namespace {

// A file is no terminal: nothing is rewritten, every line stays.
TEST(Console, OffATerminalEveryLineIsALine) {
  std::FILE* const file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  {
    Console console(file);
    EXPECT_FALSE(console.is_terminal());
    console.Status("in 1/s");
    console.Say("sink-0 has died");
    console.Status("in 2/s");
  }
  std::string text(200, '\0');
  std::rewind(file);
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  EXPECT_EQ(text, "in 1/s\nsink-0 has died\nin 2/s\n");
}

}  // namespace
}  // namespace penstock::ctl
