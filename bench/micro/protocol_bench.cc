// A batch on the wire: filled columns → message → columns again, for the two workloads of the
// budgets (docs/architecture.md). Items are rows; bytes are the columns' before compression.
#include <string>
#include <utility>

#include <benchmark/benchmark.h>

#include "base/check.h"
#include "generate/events.h"
#include "json/record_parser.h"
#include "micro/planned_fields.h"
#include "protocol/batch_codec.h"

namespace penstock::protocol {
namespace {

using events::Workload;

constexpr std::uint32_t kShards = 12;

// What an ingestor has when it seals a batch of about 300 KiB on the wire.
Batch BatchOf(Workload workload) {
  const std::size_t rows = workload == Workload::kLogs ? 1000 : 4000;
  SourcePlan plan;
  Batch batch;
  for (const events::EventField& field : events::Fields(workload)) {
    plan.fields.push_back(bench::PlannedFieldOf(field));
    batch.columns.emplace_back(plan.fields.back().name, plan.fields.back().physical);
  }
  auto made = json::RecordParser::Make(plan);
  PENSTOCK_CHECK(made.ok(), "the workload has a plan");
  json::RecordParser parser = std::move(made).value();
  Section section;
  std::string record;
  for (std::size_t row = 0; row < rows; ++row) {
    record.clear();
    events::AppendEvent(workload, 1, row, record);
    const auto cells = parser.Parse(record);
    PENSTOCK_CHECK(cells.ok(), "the events are good");
    for (std::size_t i = 0; i < batch.columns.size(); ++i)
      batch.columns[i].Append(cells.value()[i]);
    batch.timestamps_ms.push_back(events::EventTimeMs(row));
    section.Add(Offset(static_cast<std::int64_t>(row)), Outcome::kRow);
  }
  batch.sections.push_back(std::move(section));
  return batch;
}

std::size_t RawBytes(const Batch& batch) {
  std::size_t bytes = 0;
  for (const Column& column : batch.columns) bytes += column.bytes();
  return bytes;
}

void Report(benchmark::State& state, const Batch& batch, std::size_t message_bytes) {
  const auto rows = static_cast<double>(batch.rows());
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch.rows()));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(RawBytes(batch)));
  state.counters["raw_bytes_a_row"] = static_cast<double>(RawBytes(batch)) / rows;
  state.counters["wire_bytes_a_row"] = static_cast<double>(message_bytes) / rows;
}

void Encode(benchmark::State& state, Workload workload, Codec codec) {
  const Batch batch = BatchOf(workload);
  std::string message;
  for (auto _ : state) {
    message.clear();
    EncodeBatch(batch, kShards, codec, message);
    benchmark::DoNotOptimize(message.data());
  }
  Report(state, batch, message.size());
}

void Decode(benchmark::State& state, Workload workload, Codec codec) {
  const Batch batch = BatchOf(workload);
  std::string message;
  EncodeBatch(batch, kShards, codec, message);
  Rows rows;
  for (auto _ : state) {
    const auto envelope = ReadEnvelope(message);
    PENSTOCK_CHECK(envelope.ok() && ReadRows(envelope.value(), message, rows).ok(), "it is whole");
    benchmark::DoNotOptimize(rows.columns.data());
  }
  Report(state, batch, message.size());
}

BENCHMARK_CAPTURE(Encode, logs_lz4, Workload::kLogs, Codec::kLz4);
BENCHMARK_CAPTURE(Encode, logs_zstd, Workload::kLogs, Codec::kZstd);
BENCHMARK_CAPTURE(Encode, logs_uncompressed, Workload::kLogs, Codec::kNone);
BENCHMARK_CAPTURE(Encode, users_lz4, Workload::kUsers, Codec::kLz4);
BENCHMARK_CAPTURE(Decode, logs_lz4, Workload::kLogs, Codec::kLz4);
BENCHMARK_CAPTURE(Decode, logs_zstd, Workload::kLogs, Codec::kZstd);
BENCHMARK_CAPTURE(Decode, users_lz4, Workload::kUsers, Codec::kLz4);

}  // namespace
}  // namespace penstock::protocol
