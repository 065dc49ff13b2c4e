#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "ctl/nats.h"
#include "io/record_fetcher.h"
#include "model/pipeline_spec.h"

namespace penstock::ctl {

/// Opens a source's topic, to read single records of it.
using OpenRecords =
    std::function<Result<std::unique_ptr<io::RecordFetcher>>(const SourceSpec& source)>;

/// `penstock dlq list|show|replay|purge`; the result is the exit code.
int DlqListCommand(const ConnectNats& connect, std::span<const std::string_view> args);
int DlqShowCommand(const ConnectNats& connect, std::span<const std::string_view> args);
int DlqPurgeCommand(const ConnectNats& connect, std::span<const std::string_view> args);
int DlqReplayCommand(const ConnectNats& connect, const OpenRecords& open,
                     std::span<const std::string_view> args);

}  // namespace penstock::ctl
