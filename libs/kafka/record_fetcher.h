#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "io/record_fetcher.h"
#include "model/pipeline_spec.h"

namespace penstock::kafka {

/// Fetches records of `topic` with read_committed, as the source reads them. Joins no group and
/// commits nothing. Fails with "kafka_config"; does not wait for a broker.
Result<std::unique_ptr<io::RecordFetcher>> OpenRecordFetcher(const KafkaConnection& connection,
                                                             const std::string& topic,
                                                             const Clock& clock = SystemClock());

}  // namespace penstock::kafka
