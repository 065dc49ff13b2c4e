#include "ingestor/build.h"
#include "process/service.h"
#include "stage/load_pipeline.h"

int main(int argc, char** argv) {
  using penstock::process::RunService;
  penstock::ingestor::IngestorOptions options;
  return RunService(
      argc, argv,
      {.name = "ingestor",
       .summary = "Reads one source of a pipeline, a topic, from Kafka and publishes its rows, in "
                  "batches, to JetStream.",
       .examples = {{"penstock-ingestor --pipeline orders.yaml --nats nats://127.0.0.1:4222",
                     "a member of the pipeline's consumer group"},
                    {"penstock-ingestor --pipeline joined.yaml --source orders",
                     "of a pipeline with a join, the source with this source_id"},
                    {"penstock-ingestor --pipeline orders.yaml --listen 127.0.0.1:9465 --workers 4",
                     "with its probes and metrics on another port, on four threads"}},
       .add_flags =
           [&](penstock::process::Flags& flags) {
             flags
                 .Text("source", "ID",
                       "the source_id to read; needed when the pipeline has more than one",
                       &options.source)
                 .FromEnvironment();
           },
       .load_pipeline = penstock::stage::LoadRunnablePipeline},
      [&](const penstock::process::ServiceContext& context) {
        return penstock::ingestor::BuildAndRun(context, options);
      });
}
