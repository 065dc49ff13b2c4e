#pragma once

#include <cstdint>
#include <string>

#include "model/pipeline_spec.h"
#include "model/plan.h"

namespace penstock::config {

/// What will run for a pipeline. A function of the document alone, so that every process comes
/// to the same plan. `spec` must have been parsed without faults.
PipelinePlan MakePlan(const PipelineSpec& spec);

/// About what a key takes in the key log: 12 bytes of hash, identity and time as deltas, and its
/// share of the message.
inline constexpr std::uint64_t kKeyLogEntryBytes = 24;

/// What the key log of a pipeline with a dedup may take, over all shards: `maxBytes`, but at least
/// the keys of its window when 1,000 new ones come a second.
std::uint64_t KeyLogBytes(const PipelineSpec& spec);

/// About what a row in front of a join takes in its stream, compressed, with its share of the
/// message.
inline constexpr std::uint64_t kKeptRowBytes = 200;

/// What the streams of a hop may take, over all shards: `maxBytes`, but at least what has to be
/// kept when 1,000 rows, or new keys, come a second. A key log keeps the window of its dedup; a
/// join's left side its window, the right side both windows, since right rows for the oldest left
/// row are needed to make the join's state again.
std::uint64_t StreamBytes(const PipelineSpec& spec, Hop hop);

/// What a person wants to know before starting it: stages, fields and how they travel, shards,
/// streams and their bytes, threads and memory on `cpus` CPUs. Never shows a secret.
std::string DescribePlan(const PipelineSpec& spec, const PipelinePlan& plan, double cpus);
std::string DescribePlanAsJson(const PipelineSpec& spec, const PipelinePlan& plan, double cpus);

}  // namespace penstock::config
