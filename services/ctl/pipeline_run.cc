#include "ctl/pipeline_run.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/wait.h"
#include "config/planner.h"
#include "ctl/account.h"
#include "ctl/embedded_nats.h"
#include "ctl/run_stages.h"
#include "ctl/status_line.h"

namespace penstock::ctl {

namespace {

constexpr auto kLookInterval = std::chrono::milliseconds(250);
constexpr auto kTerminalInterval = std::chrono::seconds(1);
constexpr auto kLineInterval = std::chrono::seconds(5);
// An earlier run's stages have half a minute each to finish what they have.
constexpr auto kEarlierRun = std::chrono::seconds(70);
constexpr auto kServerStart = std::chrono::seconds(30);
constexpr auto kServerTry = std::chrono::seconds(1);
// Without the account the summary is less exact, and nothing else is lost.
constexpr auto kAccountPatience = std::chrono::seconds(3);

double Ended(const Counts& counts) {
  return counts.rows_inserted + counts.rows_filtered + counts.rows_duplicate + counts.dead_letters;
}

double SecondsOf(Clock::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

std::uint64_t Whole(double count) {
  return static_cast<std::uint64_t>(std::max(0.0, count));
}

}  // namespace

void ActiveTime::Update(const RunView& view) {
  // What an earlier run has read, a sink may insert before this one reads anything.
  if (view.counts.rows_in <= 0 && Ended(view.counts) <= 0) {
    before_ = view.at;
    return;
  }
  if (!first_) first_ = before_.value_or(view.at);
  if (const double ended = Ended(view.counts); ended > ended_) {
    ended_ = ended;
    last_ = view.at;
  }
}

double ActiveTime::Seconds() const {
  return first_ && last_ ? SecondsOf(*last_ - *first_) : 0;
}

Result<Summary> PipelineRun::Run(std::stop_token stop) {
  PENSTOCK_ASSIGN_OR_RETURN(
      const DataFolder folder,
      DataFolder::Take(options_.data_folder, kEarlierRun, parts_.clock, stop, [this] {
        parts_.console.Say("the processes of an earlier run are ending: waiting for them");
      }));
  Fleet fleet(options_.verbose,
              {.folder = folder, .clock = parts_.clock, .console = parts_.console});
  url_ = options_.nats;
  if (url_.empty() && parts_.spec.resources.nats.urls.empty()) {
    PENSTOCK_RETURN_IF_ERROR(StartServer(folder, fleet, stop));
  }
  OpenBucket(kAccountPatience, stop);
  account_before_ = ReadAccountNow();
  for (const Fleet::Stage& stage : RunStages(options_, config::MakePlan(parts_.spec), url_)) {
    fleet.AddStage(stage);
  }
  parts_.console.Say(fmt::format("pipeline {} runs: NATS {}; {} {}", parts_.spec.pipeline_id,
                                 url_.empty() ? "of the document" : url_,
                                 options_.verbose ? "files in" : "logs and files in",
                                 folder.path().string()));
  std::string ended = Supervise(fleet, stop);
  if (ended == "stopped") {
    parts_.console.Say("stopping: each stage finishes what it has; a second signal ends at once");
  }
  fleet.StopStages();
  Summary summary = MakeSummary(std::move(ended));
  bucket_.reset();
  nats_.reset();
  fleet.StopServer();
  summary.processes = fleet.Uses();
  summary.run_seconds = SecondsOf(parts_.clock.Now() - start_);
  return summary;
}

Status PipelineRun::StartServer(const DataFolder& folder, Fleet& fleet, std::stop_token stop) {
  PENSTOCK_ASSIGN_OR_RETURN(EmbeddedNats server, PrepareNats(folder, parts_.spec));
  url_ = server.url;
  fleet.AddServer(std::move(server.child));
  const Clock::Time deadline = parts_.clock.Now() + kServerStart;
  while (true) {
    auto nats = parts_.connect(parts_.spec, url_, kServerTry, stop);
    if (nats.ok()) {
      nats_ = std::move(nats).value();
      return Done{};
    }
    const std::string failure = fleet.ServerFailure();
    if (!failure.empty()) return Error{Remedy::kStop, "nats", failure};
    if (nats.error().remedy != Remedy::kRetry || parts_.clock.Now() >= deadline) {
      return std::move(nats).error().Within("the embedded nats-server");
    }
  }
}

// Why it ended: "idle", "stopped" or "failed".
std::string PipelineRun::Supervise(Fleet& fleet, std::stop_token stop) {
  std::optional<IdleWatch> idle;
  if (options_.until_idle) idle.emplace(*options_.until_idle);
  shown_ = last_ = fleet.Look();
  while (WaitUntil(last_.at + kLookInterval, stop)) {
    last_ = fleet.Look();
    active_.Update(last_);
    for (const std::string& line : notices_.Update(last_)) parts_.console.Say(line);
    Show(last_);
    if (const std::string failure = fleet.Failure(); !failure.empty()) {
      parts_.console.Say(fmt::format("giving up: {}", failure));
      return "failed";
    }
    if (idle && idle->Update(last_)) return "idle";
  }
  return "stopped";
}

void PipelineRun::Show(const RunView& view) {
  const Clock::Duration interval =
      parts_.console.is_terminal() ? Clock::Duration(kTerminalInterval) : kLineInterval;
  if (view.at - shown_.at < interval) return;
  parts_.console.Status(StatusLine(shown_, view, start_));
  shown_ = view;
}

void PipelineRun::OpenBucket(Clock::Duration patience, std::stop_token stop) {
  if (nats_ == nullptr) {
    auto nats = parts_.connect(parts_.spec, url_, patience, stop);
    if (!nats.ok()) return;
    nats_ = std::move(nats).value();
  }
  auto bucket = nats_->OpenBucket();
  if (bucket.ok()) bucket_ = std::move(bucket).value();
}

std::optional<Account> PipelineRun::ReadAccountNow() {
  if (bucket_ == nullptr) return std::nullopt;
  const auto account = ReadAccount(*bucket_, parts_.spec.resources.shards);
  return account.ok() ? std::optional(account.value()) : std::nullopt;
}

Summary PipelineRun::MakeSummary(std::string ended) {
  Summary summary;
  summary.pipeline_id = parts_.spec.pipeline_id;
  summary.ended = std::move(ended);
  summary.latency_p50_seconds = last_.counts.latency.Quantile(0.5);
  summary.latency_p95_seconds = last_.counts.latency.Quantile(0.95);
  FillFromView(summary);
  const auto account = ReadAccountNow();
  if (account && account_before_) FillFromAccount(*account, summary);
  if (parts_.spec.join) FillInFrontOfJoin(summary);
  summary.seconds = active_.Seconds();
  return summary;
}

void PipelineRun::FillFromView(Summary& summary) const {
  summary.rows_in = Whole(Ended(last_.counts));
  summary.rows_inserted = Whole(last_.counts.rows_inserted);
  summary.rows_filtered = Whole(last_.counts.rows_filtered);
  summary.rows_duplicate = Whole(last_.counts.rows_duplicate);
  summary.dead_letters = Whole(last_.counts.dead_letters);
}

// The accounts are of joined rows. What was read, and what ended before it could be joined, is as
// the processes counted.
void PipelineRun::FillInFrontOfJoin(Summary& summary) const {
  summary.rows_in = Whole(last_.counts.rows_in);
  summary.rows_duplicate = Whole(last_.counts.transform_duplicate);
  summary.dead_letters = Whole(last_.counts.dead_letters);
}

void PipelineRun::FillFromAccount(const Account& now, Summary& summary) {
  const auto since = [&](Outcome outcome) {
    return now[outcome] - std::min(now[outcome], (*account_before_)[outcome]);
  };
  summary.exact = true;
  summary.rows_inserted = since(Outcome::kRow);
  summary.rows_filtered = since(Outcome::kFiltered);
  summary.rows_duplicate = since(Outcome::kDuplicate);
  summary.dead_letters = since(Outcome::kDeadLetter);
  const std::uint64_t seen = summary.rows_in;
  summary.rows_in =
      summary.rows_inserted + summary.rows_filtered + summary.rows_duplicate + summary.dead_letters;
  // While stopping; of an idle run, the views have missed what a process did before it was killed.
  if (summary.rows_in > seen && summary.ended == "stopped") active_.Prolong(parts_.clock.Now());
}

}  // namespace penstock::ctl
