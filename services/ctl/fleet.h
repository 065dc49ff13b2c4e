#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "ctl/console.h"
#include "ctl/data_folder.h"
#include "ctl/stage_view.h"
#include "ctl/summary.h"
#include "process/child_process.h"
#include "process/supervisor.h"

namespace penstock::ctl {

/// The processes of a run: a server or none, ingestors, transforms, joins, sinks. Starts them,
/// starts what dies again, looks at what they say of themselves, and stops them in the order in
/// which rows flow. Destroying it stops all. One thread.
class Fleet {
 public:
  struct Parts {
    const DataFolder& folder;
    const Clock& clock;
    Console& console;
  };
  /// `verbose`: the output of the stages goes to the console, else to log files of the folder.
  Fleet(bool verbose, Parts parts);

  void AddServer(process::ChildOptions child);
  struct Stage {
    std::string name;
    /// The program and its flags; where it listens and which replica it is are added.
    std::vector<std::string> argv;
    std::uint32_t count = 1;
    int level = 1;           ///< Lower ones stop later.
    bool has_state = false;  ///< Each replica gets a folder of its own, as --state-dir.
  };
  void AddStage(const Stage& stage);

  /// All stages as they are now, and counted over all their lives; waits at most a second for each.
  RunView Look();
  /// Why the run cannot go on: a process that no restart helps; empty: it can.
  std::string Failure() const;
  /// The same of the server alone, and also one that died at its start.
  std::string ServerFailure() const;

  void StopStages() { stages_.Stop(); }
  void StopServer() { servers_.Stop(); }
  /// What all processes have used up to now; exact once they are stopped.
  std::vector<ProcessUse> Uses() const;

 private:
  struct Member {
    process::ChildOptions child;
    std::string stage;
    int level = 1;
    LifetimeCounts counts;
  };

  process::Supervisor::Options SupervisorOptions();
  void OnChange(const process::ChildState& state);
  /// False: it was said before that this process cannot run; stopping tells it again.
  bool IsNews(const process::ChildState& state);
  process::ChildOptions ReplicaOf(const Stage& stage, std::uint32_t replica) const;
  std::string TailOfLog(const std::string& process) const;
  void StartAgainWhatEnded(const std::vector<process::ChildState>& states);
  ProcessView LookAt(const std::string& name, const std::vector<process::ChildState>& states) const;
  void AddUses(const std::vector<process::ChildState>& states, std::vector<ProcessUse>& uses) const;

  const bool verbose_;
  const Parts parts_;
  std::vector<Member> members_;          // Stages, in the order in which they were added.
  std::set<std::size_t> started_again_;  // Of the supervisor's entries, those that had ended.
  std::mutex mutex_;
  std::set<std::string> given_up_;  // Said already. Guarded by mutex_: two threads tell changes.
  process::Supervisor servers_;
  process::Supervisor stages_;  // Stopped first.
};

}  // namespace penstock::ctl
