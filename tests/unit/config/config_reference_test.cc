#include <cstdlib>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "config/pipeline.h"
#include "unit/config/documents.h"

namespace penstock::config {
namespace {

// PENSTOCK_UPDATE_DOCS=1 writes the page anew instead.
TEST(PipelineReferenceTest, ThePageIsWhatTheTableSays) {
  const std::string path = PENSTOCK_SOURCE_DIR "/docs/pipeline-reference.md";
  if (std::getenv("PENSTOCK_UPDATE_DOCS") != nullptr) {
    std::ofstream(path, std::ios::binary) << PipelineReference();
  }
  std::ifstream in(path, std::ios::binary);
  const std::string page{std::istreambuf_iterator<char>(in), {}};
  EXPECT_TRUE(page == PipelineReference())
      << "docs/pipeline-reference.md is not what the code says; run this test with "
         "PENSTOCK_UPDATE_DOCS=1";
}

TEST(PipelineReferenceTest, ItsExampleIsAPipeline) {
  const std::string page = PipelineReference();
  const std::string fence = "```yaml\n";
  const std::size_t start = page.find(fence) + fence.size();
  const Document document =
      ReadPipeline(page.substr(start, page.find("```", start) - start), SecretOptions());
  EXPECT_EQ(FaultsAsText(document.faults, ""), "");
  EXPECT_TRUE(document.not_built_yet.empty());
}

}  // namespace
}  // namespace penstock::config
