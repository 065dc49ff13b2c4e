#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "ctl/console.h"
#include "ctl/data_folder.h"
#include "ctl/fleet.h"
#include "ctl/nats.h"
#include "ctl/notices.h"
#include "ctl/stage_view.h"
#include "ctl/summary.h"
#include "io/key_value.h"
#include "model/pipeline_spec.h"
#include "model/shard_record.h"

namespace penstock::ctl {

struct RunOptions {
  std::string file;  ///< The pipeline document.
  std::string nats;  ///< URLs; empty: those of the document, and without any a server of its own.
  std::filesystem::path data_folder;
  std::filesystem::path programs;  ///< The folder of the stages' executables.
  std::uint32_t ingestors = 1;     ///< For each source.
  std::uint32_t transforms = 1;  ///< Of a pipeline that has something to transform; for each side.
  std::uint32_t joins = 1;       ///< Of a pipeline with a join.
  std::uint32_t sinks = 1;
  std::optional<std::chrono::nanoseconds> until_idle;
  bool verbose = false;
};

/// When the records of a run moved, for its rates: from the first one read (or inserted) to the
/// last one that came to its end. As exact as the views are frequent.
class ActiveTime {
 public:
  void Update(const RunView& view);
  /// More records came to their end before `at`, after the last view.
  void Prolong(Clock::Time at) { last_ = at; }
  double Seconds() const;

 private:
  std::optional<Clock::Time> before_;  // The last view in which nothing had moved.
  std::optional<Clock::Time> first_;
  std::optional<Clock::Time> last_;
  double ended_ = 0;
};

/// A pipeline running on this machine: `penstock run`. Owns the processes while it runs; leaves
/// none behind. One thread.
class PipelineRun {
 public:
  struct Parts {
    const PipelineSpec& spec;
    const ConnectNats& connect;
    const Clock& clock;
    Console& console;
  };
  PipelineRun(RunOptions options, Parts parts)
      : options_(std::move(options)), parts_(parts), start_(parts.clock.Now()) {}

  /// Runs until `stop`, until it has been idle for as long as was asked for, or until a process
  /// cannot go on; then stops all, each stage finishing what it has. An error: it never ran.
  Result<Summary> Run(std::stop_token stop);

 private:
  Status StartServer(const DataFolder& folder, Fleet& fleet, std::stop_token stop);
  std::string Supervise(Fleet& fleet, std::stop_token stop);
  void Show(const RunView& view);
  void OpenBucket(Clock::Duration patience, std::stop_token stop);
  std::optional<Account> ReadAccountNow();
  Summary MakeSummary(std::string ended);
  void FillFromAccount(const Account& now, Summary& summary);
  void FillFromView(Summary& summary) const;
  void FillInFrontOfJoin(Summary& summary) const;

  const RunOptions options_;
  const Parts parts_;
  const Clock::Time start_;
  std::string url_;  // Given to the stages; empty: they use the document's.
  std::unique_ptr<Nats> nats_;
  std::unique_ptr<io::KeyValue> bucket_;
  std::optional<Account> account_before_;
  RunView last_;
  RunView shown_;
  ActiveTime active_;
  Notices notices_;
};

}  // namespace penstock::ctl
