#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/format.h"
#include "config/node.h"
#include "conformance/kind.h"

namespace penstock::conformance {
namespace {

struct Entry {
  std::string_view name;
  Kind run;
};

// One line a kind, {"pipelines", RunPipelines}: CMakeLists.txt has the list.
constexpr Entry kKinds[] = {
#include "kinds.inc"
};

// id → reason: where the product means to differ from the reference.
std::map<std::string, std::string> ReadDisagreements() {
  const std::string path = PENSTOCK_SOURCE_DIR "/tests/conformance/disagreements.json";
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  std::vector<config::Fault> faults;
  const std::optional<config::Node> root = config::ParseNode(text, faults);
  if (!root || !faults.empty()) throw std::runtime_error(config::FaultsAsText(faults, path));
  std::map<std::string, std::string> listed;
  for (const config::Node& child : root->children) listed[child.key] = child.text;
  return listed;
}

// A listed vector that agrees after all is a failure: the list stays honest.
int Report(const std::vector<Outcome>& outcomes) {
  const std::map<std::string, std::string> disagreements = ReadDisagreements();
  std::size_t passed = 0;
  std::size_t failed = 0;
  for (const Outcome& outcome : outcomes) {
    const auto listed = disagreements.find(outcome.id);
    const bool agrees = outcome.reason.empty();
    if (listed == disagreements.end() && agrees) {
      ++passed;
    } else if (listed != disagreements.end() && !agrees) {
      fmt::print("listed {}: {}\n", outcome.id, listed->second);
    } else {
      ++failed;
      fmt::print("FAILED {}: {}\n", outcome.id,
                 agrees ? "listed in disagreements.json but agrees" : outcome.reason);
    }
  }
  fmt::print("{} passed, {} failed\n", passed, failed);
  return failed == 0 && !outcomes.empty() ? 0 : 1;
}

int Main(int argc, char** argv) {
  const auto* kind = argc == 3
                         ? std::find_if(std::begin(kKinds), std::end(kKinds),
                                        [&](const Entry& entry) { return entry.name == argv[1]; })
                         : std::end(kKinds);
  if (kind == std::end(kKinds)) {
    fmt::print(stderr, "usage: penstock-conformance KIND PATH; kinds:");
    for (const Entry& entry : kKinds) fmt::print(stderr, " {}", entry.name);
    fmt::print(stderr, "\n");
    return 2;
  }
  try {
    return Report(kind->run(argv[2]));
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 2;
  }
}

}  // namespace
}  // namespace penstock::conformance

int main(int argc, char** argv) {
  return penstock::conformance::Main(argc, argv);
}
