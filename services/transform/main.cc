#include "process/service.h"
#include "stage/load_pipeline.h"
#include "transform/build.h"

int main(int argc, char** argv) {
  using penstock::process::RunService;
  penstock::transform::TransformOptions options;
  return RunService(
      argc, argv,
      {.name = "transform",
       .summary = "Filters, transforms and deduplicates the rows of a pipeline, from JetStream to "
                  "JetStream.",
       .examples = {{"penstock-transform --pipeline orders.yaml --nats nats://127.0.0.1:4222",
                     "all shards of the pipeline"},
                    {"penstock-transform --pipeline orders.yaml --replica 0/2 --state-dir "
                     "/var/lib/penstock",
                     "the first of two that share the shards"},
                    {"penstock-transform --pipeline orders.yaml --replica-name t-1 --state-dir "
                     "/var/lib/penstock",
                     "one of any number that share the shards, as they come and go"},
                    {"penstock-transform --pipeline visits.yaml --source clicks",
                     "the dedup in front of one side of a join"}},
       .add_flags =
           [&](penstock::process::Flags& flags) {
             flags
                 .Text("state-dir", "DIR",
                       "where the dedup stores are kept; what is lost there is read again from the "
                       "key log",
                       &options.state_dir)
                 .FromEnvironment();
             flags
                 .Text("source", "ID",
                       "of a join with a dedup in front of both sides: the source whose rows this "
                       "process deduplicates",
                       &options.source)
                 .FromEnvironment();
           },
       .load_pipeline = penstock::stage::LoadRunnablePipeline},
      [&](const penstock::process::ServiceContext& context) {
        return penstock::transform::BuildAndRun(context, options);
      });
}
