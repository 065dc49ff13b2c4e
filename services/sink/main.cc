#include "process/service.h"
#include "sink/build.h"
#include "stage/load_pipeline.h"

int main(int argc, char** argv) {
  using penstock::process::RunService;
  return RunService(
      argc, argv,
      {.name = "sink",
       .summary =
           "Writes the rows of a pipeline from JetStream into ClickHouse, each exactly once.",
       .examples = {{"penstock-sink --pipeline orders.yaml --nats nats://127.0.0.1:4222",
                     "all shards of the pipeline"},
                    {"penstock-sink --pipeline orders.yaml --replica 0/2",
                     "the first of two that share the shards"},
                    {"penstock-sink --pipeline orders.yaml --replica-name sink-1",
                     "one of any number that share the shards, as they come and go"}},
       .add_flags = {},
       .load_pipeline = penstock::stage::LoadRunnablePipeline},
      penstock::sink::BuildAndRun);
}
