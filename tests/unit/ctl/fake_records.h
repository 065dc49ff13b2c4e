#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "io/record_fetcher.h"

namespace penstock::ctl {

class OneRecord final : public io::RecordChunk {
 public:
  OneRecord(std::int32_t partition, Offset offset, std::string value)
      : partition_(partition), value_(std::move(value)) {
    record_ = {.offset = offset, .timestamp_ms = 5, .key = {}, .value = value_, .has_value = true};
  }
  std::int32_t partition() const override { return partition_; }
  std::span<const io::Record> records() const override { return std::span(&record_, 1); }
  std::size_t bytes() const override { return value_.size(); }
  std::string HeadersJson(std::size_t) const override { return "{}"; }

 private:
  std::int32_t partition_;
  std::string value_;
  io::Record record_;
};

/// A topic in memory. Fetch knows `records`; a scan finds everything but `absent`; the record at
/// offset n is of second n.
class FakeRecords final : public io::RecordFetcher {
 public:
  Result<std::unique_ptr<io::RecordChunk>> Fetch(std::int32_t partition, Offset offset,
                                                 Clock::Time) override {
    const auto found = records.find({partition, offset.rep()});
    if (found == records.end()) return std::unique_ptr<io::RecordChunk>();
    return std::unique_ptr<io::RecordChunk>(
        std::make_unique<OneRecord>(partition, offset, found->second));
  }
  Result<std::int32_t> PartitionCount(Clock::Time) override { return partitions; }
  Result<io::Watermarks> QueryWatermarks(std::int32_t partition, Clock::Time) override {
    const auto found = marks.find(partition);
    return found == marks.end() ? io::Watermarks{.low = Offset(0), .high = Offset(1'000)}
                                : found->second;
  }
  Result<Offset> OffsetAtTime(std::int32_t, std::int64_t timestamp_ms, Clock::Time) override {
    return Offset(timestamp_ms / 1'000);
  }
  Status Scan(const io::OffsetRange& range, Clock::Duration, std::stop_token,
              const std::function<void(Offset)>& on_record) override {
    scanned.push_back(range);
    const std::int64_t low = QueryWatermarks(range.partition, {}).value().low.rep();
    for (std::int64_t offset = std::max(range.from.rep(), low); offset < range.to.rep(); ++offset) {
      if (!absent.contains({range.partition, offset})) on_record(Offset(offset));
    }
    return Done{};
  }

  std::map<std::pair<std::int32_t, std::int64_t>, std::string> records;
  std::int32_t partitions = 2;
  std::map<std::int32_t, io::Watermarks> marks;
  std::set<std::pair<std::int32_t, std::int64_t>> absent;  ///< What a scan does not find.
  std::vector<io::OffsetRange> scanned;
};

}  // namespace penstock::ctl
