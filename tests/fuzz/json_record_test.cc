// The corpus of the fuzz target, and mutations of it under fixed seeds.
#include "fuzz/json_record.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace penstock::json {
namespace {

std::vector<std::string> Corpus() {
  std::vector<std::filesystem::path> paths;
  const std::filesystem::path folder(PENSTOCK_SOURCE_DIR "/tests/fuzz/corpus/json_record");
  for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry);
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> corpus;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return corpus;
}

void RunInput(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

// Changes a few bytes: flips, cuts, repeats, splices of another input, bytes that JSON cares for.
std::string Mutate(const std::vector<std::string>& corpus, std::mt19937_64& random) {
  const auto below = [&](std::size_t bound) { return bound == 0 ? 0 : random() % bound; };
  constexpr std::string_view kTelling = "{}[]:,\"\\ue0123456789+-.tfn \n\x01\x0c\x1a\x80\xED\xF4";
  std::string input = corpus[below(corpus.size())];
  for (std::size_t changes = 1 + below(3); changes > 0; --changes) {
    const std::size_t at = below(input.size() + 1);
    const std::string& other = corpus[below(corpus.size())];
    switch (below(6)) {
      case 0:
        input.insert(at, 1, kTelling[below(kTelling.size())]);
        break;
      case 1:
        if (at < input.size()) input[at] = kTelling[below(kTelling.size())];
        break;
      case 2:
        input.erase(at, 1 + below(4));
        break;
      case 3:
        input.insert(at, input.substr(below(input.size() + 1), below(12)));
        break;
      case 4:
        input.insert(at, other.substr(below(other.size() + 1), below(40)));
        break;
      default:
        input.resize(at);
    }
  }
  return input;
}

TEST(JsonRecordFuzzTest, TheCorpusAgreesWithTheOracle) {
  const std::vector<std::string> corpus = Corpus();
  ASSERT_GT(corpus.size(), 80U);
  for (const std::string& input : corpus) RunInput(input);
}

// PENSTOCK_FUZZ_ROUNDS makes it longer. A failure ends the process and prints what differs; the
// trace printed by --gtest_repeat or a debugger has the seed in `seed`.
TEST(JsonRecordFuzzTest, MutationsAgreeWithTheOracle) {
  std::vector<std::string> corpus = Corpus();
  // Deep and long ones have had their turn; here they only cost time.
  std::erase_if(corpus, [](const std::string& input) { return input.size() > 2000; });
  const char* const rounds = std::getenv("PENSTOCK_FUZZ_ROUNDS");  // NOLINT(concurrency-mt-unsafe)
  const std::uint64_t seeds = rounds == nullptr ? 20'000 : std::strtoull(rounds, nullptr, 10);
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    std::mt19937_64 random(seed);
    RunInput(Mutate(corpus, random));
  }
}

}  // namespace
}  // namespace penstock::json
