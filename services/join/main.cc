#include "join/build.h"
#include "process/service.h"
#include "stage/load_pipeline.h"

int main(int argc, char** argv) {
  using penstock::process::RunService;
  penstock::join::JoinOptions options;
  return RunService(
      argc, argv,
      {.name = "join",
       .summary = "Joins the two sources of a pipeline in time, from JetStream to JetStream.",
       .examples = {{"penstock-join --pipeline orders.yaml --nats nats://127.0.0.1:4222",
                     "all shards of the pipeline"},
                    {"penstock-join --pipeline orders.yaml --replica 0/2 --state-dir "
                     "/var/lib/penstock",
                     "the first of two that share the shards"},
                    {"penstock-join --pipeline orders.yaml --replica-name join-1 --state-dir "
                     "/var/lib/penstock",
                     "one of any number that share the shards, as they come and go"}},
       .add_flags =
           [&](penstock::process::Flags& flags) {
             flags
                 .Text("state-dir", "DIR",
                       "where the row stores are kept; what is lost there is made from the "
                       "messages that are kept for the windows",
                       &options.state_dir)
                 .FromEnvironment();
           },
       .load_pipeline = penstock::stage::LoadRunnablePipeline},
      [&](const penstock::process::ServiceContext& context) {
        return penstock::join::BuildAndRun(context, options);
      });
}
