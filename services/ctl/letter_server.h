#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "ctl/data_folder.h"
#include "ctl/dead_letters.h"
#include "ctl/letter_filter.h"
#include "ctl/nats.h"
#include "model/pipeline_spec.h"
#include "process/flags.h"
#include "process/supervisor.h"

namespace penstock::ctl {

/// What the commands about dead letters, and others that need a pipeline's NATS, are given.
struct LetterFlags {
  std::vector<std::string> arguments;  ///< The document first.
  std::string nats;
  std::string data_folder;
  LetterFilter where;

  /// `words`: how many words there are behind the document, `placeholder` what all are called.
  void AddTo(process::Flags& flags, std::string placeholder, std::size_t words);
  /// --where, for the commands that choose among letters.
  void AddWhereTo(process::Flags& flags);
};

/// The NATS that has a pipeline's letters and records: one that runs, or that of an ended run,
/// started for a moment and ended with this.
class LetterServer {
 public:
  static Result<std::unique_ptr<LetterServer>> Find(const LetterFlags& flags,
                                                    const PipelineSpec& spec,
                                                    const ConnectNats& connect,
                                                    std::stop_token stop);
  Nats& nats() { return *nats_; }
  /// The letters of the pipeline, as they are read and purged.
  LetterStream letters(const PipelineSpec& spec);

 private:
  Status StartForAMoment(const PipelineSpec& spec, const std::string& path,
                         const ConnectNats& connect, const std::stop_token& stop);

  std::optional<DataFolder> folder_;
  std::optional<process::Supervisor> process_;
  std::unique_ptr<Nats> nats_;
};

}  // namespace penstock::ctl
