#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "ctl/dlq_command.h"
#include "io/consumer_group.h"
#include "io/record_fetcher.h"
#include "model/pipeline_spec.h"

namespace penstock::ctl {

/// Opens a source's consumer group, without joining it.
using OpenGroup =
    std::function<Result<std::unique_ptr<io::ConsumerGroup>>(const SourceSpec& source)>;

/// What the commands that look at a pipeline's offsets need of Kafka.
struct KafkaOpeners {
  OpenRecords records;
  OpenGroup group;
};

/// A source's topic and group. Borrowed.
struct SourceParts {
  io::RecordFetcher& records;
  io::ConsumerGroup& group;
};

/// The topics and groups of all sources of a pipeline.
class Topics {
 public:
  static Result<Topics> Open(const PipelineSpec& spec, const KafkaOpeners& open) {
    Topics topics;
    for (const SourceSpec& source : spec.sources) {
      PENSTOCK_ASSIGN_OR_RETURN(auto records, open.records(source));
      PENSTOCK_ASSIGN_OR_RETURN(auto group, open.group(source));
      topics.records_.push_back(std::move(records));
      topics.groups_.push_back(std::move(group));
    }
    return topics;
  }

  /// As in the document.
  std::vector<SourceParts> parts() const {
    std::vector<SourceParts> parts;
    for (std::size_t i = 0; i < records_.size(); ++i) parts.push_back({*records_[i], *groups_[i]});
    return parts;
  }

 private:
  std::vector<std::unique_ptr<io::RecordFetcher>> records_;
  std::vector<std::unique_ptr<io::ConsumerGroup>> groups_;
};

}  // namespace penstock::ctl
