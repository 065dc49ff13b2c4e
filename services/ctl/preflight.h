#pragma once

#include <cstddef>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "ctl/findings.h"
#include "ctl/nats.h"
#include "io/record_fetcher.h"
#include "model/pipeline_spec.h"
#include "model/plan.h"

namespace penstock::ctl {

/// A record of the topic, for trying the pipeline on it.
struct SampleRecord {
  std::unique_ptr<io::RecordChunk> chunk;
  std::int32_t partition = 0;
};

/// Asks Kafka about a source's topic: whether it answers, its partitions, what is in them. Gives
/// the last `samples` records, over all partitions.
std::vector<SampleRecord> CheckTopic(const SourceSpec& source, io::RecordFetcher& records,
                                     std::size_t samples, const Clock& clock, Findings& findings);

/// Asks NATS what the pipeline needs of it: messages that are large enough, streams that are its
/// own and of its number of shards.
void CheckNats(const PipelineSpec& spec, Nats& nats, Findings& findings);

/// Asks ClickHouse about the table and what the pipeline may do with it, and what each column
/// would get of the samples (of each source), without writing. Where two sources are joined it says
/// of each sample whether the join would take it in.
void CheckTable(const PipelineSpec& spec, const PipelinePlan& plan,
                const std::vector<std::vector<SampleRecord>>& samples, std::stop_token stop,
                Findings& findings);

}  // namespace penstock::ctl
