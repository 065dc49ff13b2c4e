#include "ctl/verify_report.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/format.h"
#include "base/text.h"

namespace penstock::ctl {

namespace {

constexpr std::array<std::string_view, kOutcomes> kOutcomeNames = {"rows", "filtered", "duplicates",
                                                                   "dead_letters"};

std::string Quoted(std::string_view text) {
  std::string out;
  AppendJsonString(out, IsUtf8(text) ? std::string(text) : Base64Encode(text));
  return out;
}

// --- For people ----------------------------------------------------------------------------

using Row = std::vector<std::string>;

std::string Aligned(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    // Names to the left, numbers to the right.
    text += fmt::format("{:<{}}", row[0], widths[0]);
    for (std::size_t i = 1; i < row.size(); ++i) text += fmt::format("  {:>{}}", row[i], widths[i]);
    text += '\n';
  }
  return text;
}

std::string NameOf(const PartitionSum& sum, const Origin* origin) {
  std::string name = fmt::format("{}/{}", sum.place.topic, sum.place.partition);
  if (origin == nullptr || (origin->generation <= 1 && origin->incarnation <= 1)) return name;
  return fmt::format("{} ({}.{})", name, origin->generation, origin->incarnation);
}

std::string OffsetsOf(std::int64_t from, std::int64_t to) {
  return from < to ? fmt::format("{}-{}", from, to - 1) : "none";
}

Row LineOf(const PartitionSum& sum, const OriginSum& origin, bool newest) {
  Row row{NameOf(sum, &origin.origin), OffsetsOf(origin.from.rep(), origin.to.rep())};
  for (const std::uint64_t count : origin.account.records) row.push_back(std::to_string(count));
  row.push_back(std::to_string(origin.without_record));
  row.push_back(std::to_string(origin.missing + origin.deleted));
  row.push_back(std::to_string(origin.surplus));
  row.push_back(newest ? std::to_string(sum.not_done) : "");
  return row;
}

std::string TableOfPartitions(const Verification& verification) {
  std::vector<Row> rows{{"PARTITION", "OFFSETS", "ROWS", "FILTERED", "DUPLICATES", "DEAD LETTERS",
                         "NO RECORD", "MISSING", "TWICE", "NOT DONE"}};
  for (const PartitionSum& sum : verification.partitions) {
    for (const OriginSum& origin : sum.origins) {
      rows.push_back(LineOf(sum, origin, &origin == &sum.origins.back()));
    }
    if (sum.origins.empty()) {
      rows.push_back(
          {NameOf(sum, nullptr), "none", "", "", "", "", "", "", "", std::to_string(sum.not_done)});
    }
    if (sum.replayed == Account()) continue;
    Row row{NameOf(sum, nullptr) + " replayed", ""};
    for (const std::uint64_t count : sum.replayed.records) row.push_back(std::to_string(count));
    rows.push_back(std::move(row));
  }
  for (const JoinedSum& sum : verification.joined) {
    Row row{fmt::format("join/{}", sum.shard.rep()), OffsetsOf(0, sum.steps)};
    for (const std::uint64_t count : sum.account.records) row.push_back(std::to_string(count));
    rows.push_back(std::move(row));
  }
  return Aligned(rows);
}

std::string Verdict(const VerifyReport& report) {
  const std::size_t faults = report.findings.Count(Findings::Level::kFault);
  if (faults > 0) {
    return fmt::format("not all is as it should be: {} fault{}\n", faults, faults == 1 ? "" : "s");
  }
  std::uint64_t records = 0;
  std::int64_t not_done = 0;
  for (const PartitionSum& sum : report.verification.partitions) {
    not_done += sum.not_done;
    for (const OriginSum& origin : sum.origins) {
      for (const std::uint64_t count : origin.account.records) records += count;
    }
  }
  for (const JoinedSum& sum : report.verification.joined) {
    for (const std::uint64_t count : sum.account.records) records += count;
  }
  const std::string rest =
      not_done == 0 ? std::string()
                    : fmt::format("; {} offsets up to Kafka's end are not done yet", not_done);
  return fmt::format("all is there: {} {} are accounted for, each once{}\n", records,
                     report.spec.join ? "joined rows" : "records", rest);
}

// --- For programs --------------------------------------------------------------------------

std::string JsonAccount(const Account& account) {
  std::string out;
  for (std::size_t i = 0; i < kOutcomes; ++i) {
    out += fmt::format("{}\"{}\": {}", i == 0 ? "" : ", ", kOutcomeNames.at(i), account.records[i]);
  }
  return out;
}

std::string JsonOrigin(const OriginSum& sum) {
  return fmt::format(
      R"({{"generation": {}, "incarnation": {}, "from": {}, "to": {}, {}, "without_record": {}, )"
      R"("missing": {}, "deleted_unknown": {}, "counted_twice": {}}})",
      sum.origin.generation, sum.origin.incarnation, sum.from.rep(), sum.to.rep(),
      JsonAccount(sum.account), sum.without_record, sum.missing, sum.deleted, sum.surplus);
}

template <typename Items, typename Item>
std::string JsonList(const Items& items, Item item) {
  std::string out = "[";
  for (const auto& each : items) out += (out.size() > 1 ? ",\n  " : "\n  ") + item(each);
  return out + "]";
}

std::string JsonPartition(const PartitionSum& sum, const TableComparison* table) {
  std::string in_table;
  if (table != nullptr && table->partitions().contains(sum.place.partition)) {
    const TablePartition& found = table->partitions().at(sum.place.partition);
    in_table = fmt::format(R"(, "table_rows": {}, "table_offsets": {})", found.rows, found.offsets);
  }
  return fmt::format(
      R"({{"source_id": {}, "topic": {}, "partition": {}, "kafka_start": {}, "kafka_end": {}, )"
      R"("committed": {}, "not_done": {}, "replayed": {{{}}}{}, "origins": {}}})",
      Quoted(sum.place.source_id), Quoted(sum.place.topic), sum.place.partition,
      sum.kafka.marks.low.rep(), sum.kafka.marks.high.rep(),
      sum.kafka.committed ? std::to_string(sum.kafka.committed->next.rep()) : "null", sum.not_done,
      JsonAccount(sum.replayed), in_table, JsonList(sum.origins, JsonOrigin));
}

}  // namespace

std::string VerifyText(const VerifyReport& report) {
  std::string groups;
  for (const SourceSpec& source : report.spec.sources) {
    if (groups.find(source.consumer_group) != std::string::npos) continue;
    groups += (groups.empty() ? "" : ", ") + source.consumer_group;
  }
  return fmt::format("{} as of {}, consumer group {}\n\n{}\n{}{}", report.spec.pipeline_id,
                     FormatTimeMs(report.verification.as_of_ms), groups,
                     TableOfPartitions(report.verification), report.findings.ToText(false),
                     Verdict(report));
}

std::string VerifyJson(const VerifyReport& report) {
  const auto joined = [](const JoinedSum& sum) {
    return fmt::format(R"({{"shard": {}, "steps": {}, {}}})", sum.shard.rep(), sum.steps,
                       JsonAccount(sum.account));
  };
  const auto finding = [](const Findings::Finding& one) {
    return fmt::format(R"({{"level": "{}", "about": {}, "text": {}}})", ToText(one.level),
                       Quoted(one.about), Quoted(one.text));
  };
  const auto partition = [&](const PartitionSum& sum) { return JsonPartition(sum, report.table); };
  return fmt::format(
      "{{\"pipeline_id\": {}, \"as_of\": \"{}\", \"all_there\": {},{}\n \"partitions\": {},\n "
      "\"joined\": {},\n \"findings\": {}}}\n",
      Quoted(report.spec.pipeline_id), FormatTimeMs(report.verification.as_of_ms),
      report.findings.Count(Findings::Level::kFault) == 0,
      report.table == nullptr ? "" : fmt::format(" \"table_rows\": {},", report.table->rows()),
      JsonList(report.verification.partitions, partition),
      JsonList(report.verification.joined, joined), JsonList(report.findings.all(), finding));
}

}  // namespace penstock::ctl
