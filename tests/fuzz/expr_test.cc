// The corpus of the fuzz targets about expressions, and mutations of it under fixed seeds. The
// vectors' expressions are part of the corpus.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fuzz/expr_parser.h"
#include "fuzz/expr_program.h"

namespace penstock::expr {
namespace {

constexpr std::string_view kRecord =
    R"({"a":"x,y","b":[1,2.5,null,"z",{"k":[true]}],"user":{"name":"Zo\u00eb","n":7},)"
    R"("big":9007199254740993,"ts":"2024-03-15T10:22:31Z","nul":null})";

// An expression, a line break, a record.
std::vector<std::string> Corpus() {
  std::vector<std::filesystem::path> paths;
  const std::filesystem::path folder(PENSTOCK_SOURCE_DIR "/tests/fuzz/corpus/expr_program");
  for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry);
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> corpus;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    for (std::string line; std::getline(file, line);) {
      corpus.push_back(line + "\n" + std::string(kRecord));
    }
  }
  return corpus;
}

void RunInput(const std::string& input) {
  const auto* const data = reinterpret_cast<const std::uint8_t*>(input.data());
  FuzzExprParser(data, input.find('\n'));
  FuzzExprProgram(data, input.size());
}

// Swaps parts between expressions, repeats, cuts and inserts what the language cares for.
std::string Mutate(const std::vector<std::string>& corpus, std::mt19937_64& random) {
  const auto below = [&](std::size_t bound) { return bound == 0 ? 0 : random() % bound; };
  constexpr std::string_view kTelling[] = {
      "(",     ")",     "[",       "]",     "{",        "}",    "?.",
      "??",    "..",    " in ",    " not ", "#",        ".",    ",",
      ":",     ";",     "-",       "+",     "*",        "/",    "%",
      "**",    "\"",    "'",       "`",     "\\",       "nil",  "9223372036854775807",
      "1e308", "len(",  "map(b, ", "| ",    "let x = ", "\xFF", "user",
      "$env",  "now()", "repeat(", "split("};
  std::string input = corpus[below(corpus.size())];
  for (std::size_t changes = 1 + below(4); changes > 0; --changes) {
    const std::size_t end = input.find('\n');
    const std::size_t at = below(end + 1);
    const std::string& other = corpus[below(corpus.size())];
    switch (below(4)) {
      case 0:
        input.insert(at, kTelling[below(std::size(kTelling))]);
        break;
      case 1:
        input.erase(at, std::min<std::size_t>(below(6), end - at));
        break;
      case 2:
        input.insert(at, other.substr(0, std::min(other.find('\n'), below(40))));
        break;
      default:
        input.insert(at, input.substr(0, std::min(end, below(20))));
    }
  }
  return input;
}

TEST(ExprFuzzTest, TheCorpusGivesWhatIsPromised) {
  const std::vector<std::string> corpus = Corpus();
  ASSERT_GT(corpus.size(), 100U);
  for (const std::string& input : corpus) RunInput(input);
}

// PENSTOCK_FUZZ_ROUNDS makes it longer.
TEST(ExprFuzzTest, MutationsGiveWhatIsPromised) {
  const std::vector<std::string> corpus = Corpus();
  const char* const rounds = std::getenv("PENSTOCK_FUZZ_ROUNDS");  // NOLINT(concurrency-mt-unsafe)
  const std::uint64_t seeds = rounds == nullptr ? 5'000 : std::strtoull(rounds, nullptr, 10);
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    std::mt19937_64 random(seed);
    RunInput(Mutate(corpus, random));
  }
}

}  // namespace
}  // namespace penstock::expr
