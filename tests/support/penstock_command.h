#pragma once

#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include <sys/wait.h>

#include "base/format.h"
#include "support/pipeline_harness.h"

namespace penstock::testing {

/// The words of `penstock <command…> <document> --nats <the pipeline's> <rest…>`;
/// PENSTOCK_BIN_DIR is where it is.
inline std::vector<std::string> PenstockWords(const PipelineHarness& pipeline,
                                              std::vector<std::string> command,
                                              const std::vector<std::string>& rest) {
  const std::vector<std::string> arguments = pipeline.Arguments();
  command.insert(command.begin(), PENSTOCK_BIN_DIR "/penstock");
  command.insert(command.end(), {arguments[1], "--nats", arguments[3]});
  command.insert(command.end(), rest.begin(), rest.end());
  return command;
}

struct CommandAnswer {
  int code = -1;
  std::string text;  ///< stdout and stderr.
};

/// The words as a shell takes them, to the command's end.
inline CommandAnswer RunWords(const std::vector<std::string>& words) {
  const std::string line = fmt::format("{} 2>&1", fmt::join(words, " "));
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

/// `penstock <command> <document> --nats <the pipeline's> <rest>`, to its end.
inline CommandAnswer RunPenstock(const PipelineHarness& pipeline, const std::string& command,
                                 const std::string& rest) {
  return RunWords(PenstockWords(pipeline, {command}, {rest}));
}

}  // namespace penstock::testing
