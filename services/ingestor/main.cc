#include "ingestor/build.h"
#include "process/service.h"
#include "stage/load_pipeline.h"

int main(int argc, char** argv) {
  using penstock::process::RunService;
  return RunService(
      argc, argv,
      {.name = "ingestor",
       .summary =
           "Reads a pipeline's topic from Kafka and publishes its rows, in batches, to JetStream.",
       .examples = {{"penstock-ingestor --pipeline orders.yaml --nats nats://127.0.0.1:4222",
                     "a member of the pipeline's consumer group"},
                    {"penstock-ingestor --pipeline orders.yaml --listen 127.0.0.1:9465 --workers 4",
                     "with its probes and metrics on another port, on four threads"}},
       .add_flags = {},
       .load_pipeline = penstock::stage::LoadRunnablePipeline},
      penstock::ingestor::BuildAndRun);
}
