#pragma once

#include <array>
#include <cstdio>
#include <string>

#include <sys/wait.h>

#include "base/format.h"
#include "support/pipeline_harness.h"

namespace penstock::testing {

struct CommandAnswer {
  int code = -1;
  std::string text;  ///< stdout and stderr.
};

/// `penstock <command> <document> --nats <the pipeline's> <rest>`; PENSTOCK_BIN_DIR is where it is.
inline CommandAnswer RunPenstock(const PipelineHarness& pipeline, const std::string& command,
                                 const std::string& rest) {
  const std::vector<std::string> arguments = pipeline.Arguments();
  const std::string line = fmt::format("{}/penstock {} {} --nats {} {} 2>&1", PENSTOCK_BIN_DIR,
                                       command, arguments[1], arguments[3], rest);
  CommandAnswer answer;
  FILE* pipe = popen(line.c_str(), "r");
  if (pipe == nullptr) return answer;
  std::array<char, 4096> part{};
  for (std::size_t read = 1; read > 0;) {
    read = fread(part.data(), 1, part.size(), pipe);
    answer.text.append(part.data(), read);
  }
  answer.code = WEXITSTATUS(pclose(pipe));
  return answer;
}

}  // namespace penstock::testing
