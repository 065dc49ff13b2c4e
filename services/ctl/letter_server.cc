#include "ctl/letter_server.h"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "base/clock.h"
#include "ctl/embedded_nats.h"
#include "protocol/names.h"

namespace penstock::ctl {

namespace {

constexpr auto kPatience = std::chrono::seconds(10);
constexpr auto kServerStart = std::chrono::seconds(30);

}  // namespace

void LetterFlags::AddTo(process::Flags& flags, std::string placeholder, std::size_t words) {
  flags.Arguments(std::move(placeholder), 1 + words, 1 + words, &arguments);
  flags
      .Text("nats", "URL[,URL]",
            "where NATS is; without it resources.nats.url of the document, and without that the "
            "nats-server of `penstock run`, which is started for a moment where it does not run",
            &nats)
      .FromEnvironment();
  flags.Text("data-dir", "DIR", "that of `penstock run`, where it had one", &data_folder);
}

void LetterFlags::AddWhereTo(process::Flags& flags) {
  flags.Custom("where", "FIELD=VALUE",
               fmt::format("only letters of which this holds; also != < <= > >= and ~ (has the "
                           "text); given several times, all must hold. Fields: {}",
                           LetterFilter::FieldNames()),
               "", [this](std::string_view condition) {
                 return where.Add(condition, SystemClock().WallMs());
               });
}

Result<std::unique_ptr<LetterServer>> LetterServer::Find(const LetterFlags& flags,
                                                         const PipelineSpec& spec,
                                                         const ConnectNats& connect,
                                                         std::stop_token stop) {
  auto server = std::make_unique<LetterServer>();
  std::string url = flags.nats;
  if (url.empty() && spec.resources.nats.urls.empty()) {
    std::filesystem::path path = flags.data_folder;
    if (path.empty()) {
      PENSTOCK_ASSIGN_OR_RETURN(path, DefaultDataFolder(spec.pipeline_id));
    }
    if (!HasNatsStore(path)) {
      return Error{Remedy::kStop, "usage",
                   fmt::format("no NATS server is given, and no `penstock run` has had one of its "
                               "own in {}: use --nats nats://host:4222 or --data-dir DIR",
                               path.string())};
    }
    if (!DataFolder::InUse(path)) {
      PENSTOCK_RETURN_IF_ERROR(server->StartForAMoment(spec, path, connect, stop));
      return server;
    }
    url = EmbeddedNatsUrl(path);
  }
  PENSTOCK_ASSIGN_OR_RETURN(server->nats_, connect(spec, url, kPatience, stop));
  return server;
}

LetterStream LetterServer::letters(const PipelineSpec& spec) {
  return {.streams = nats_->streams(),
          .name = protocol::DeadLetterStream(spec.pipeline_id),
          .patience = kPatience,
          .clock = SystemClock()};
}

Status LetterServer::StartForAMoment(const PipelineSpec& spec, const std::string& path,
                                     const ConnectNats& connect, const std::stop_token& stop) {
  PENSTOCK_ASSIGN_OR_RETURN(
      folder_, DataFolder::Take(path, kServerStart, SystemClock(), stop, [] {
        fmt::print(stderr, "the processes of an earlier run are ending: waiting for them\n");
      }));
  PENSTOCK_ASSIGN_OR_RETURN(EmbeddedNats embedded, PrepareNats(*folder_, spec));
  process_.emplace(process::Supervisor::Options{});
  process_->Add(std::move(embedded.child));
  auto connected = connect(spec, embedded.url, kServerStart, stop);
  if (!connected.ok()) {
    return std::move(connected).error().Within(fmt::format("the nats-server of {}", path));
  }
  nats_ = std::move(connected).value();
  return Done{};
}

}  // namespace penstock::ctl
