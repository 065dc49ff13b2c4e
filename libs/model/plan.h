#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/batch.h"
#include "model/column.h"
#include "model/hop.h"
#include "model/pipeline_spec.h"

namespace penstock {

/// One field that an ingestor extracts from each record of a source and sends on as a column.
struct PlannedField {
  std::string name;  ///< As in schema_fields; a dotted name: the literal key, else the nested path.
  FieldType type = FieldType::kString;
  std::string declared_type;
  PhysicalType physical = PhysicalType::kString;
  bool sent = true;  ///< False: checked only, since no later stage uses it.
  bool optional = false;
  std::optional<std::string> default_json;
  /// Not a field of the record but Kafka's `_key` (kString) or `_headers` (kJson).
  bool metadata = false;
  /// An integer field that feeds time columns only: a fraction of its value is cut off. In any
  /// other integer field a fraction is a schema mismatch.
  bool drop_fraction = false;
};

/// What the ingestor of one source does.
struct SourcePlan {
  std::string source_id;
  std::vector<PlannedField> fields;  ///< In the order of the columns on the wire.
  std::vector<std::string>
      route_key;  ///< Fields whose value chooses the shard; empty: partition and offset.
  bool route_as_text = false;  ///< The key is compared with one of another type.
  Hop hop = Hop::kIn;          ///< Where it goes.
  bool clocks = false;  ///< A join follows: sections say how far their origin's time has come.
  Fingerprints fingerprints;
};

/// What the transform stage does with a source's rows: filter, then outputs, then dedup (a row
/// whose expressions fail is no first of its key).
struct TransformPlan {
  std::string source_id;
  Hop from = Hop::kIn;
  Hop to = Hop::kOut;
  Hop keys = Hop::kKeys;  ///< The key log, with a dedup.
  /// Where the output's shard is another one than the input's: the field whose value chooses it.
  std::string shuffle_key;
  bool shuffle_as_text = false;        ///< The key is compared with one of another type.
  std::string filter;                  ///< Empty: every row stays.
  std::vector<std::string> dedup_key;  ///< Fields of its input; empty: no deduplication.
  std::chrono::nanoseconds dedup_window{};
  std::vector<StatelessOutput> outputs;  ///< Empty: the columns that stay are passed on.
  std::vector<PlannedField> input;       ///< The columns that it reads, in order.
  /// The columns that it writes, in order: those of `outputs` by name (of several by one name the
  /// last counts), then columns that are passed on as they are.
  std::vector<PlannedField> output;
  Fingerprints fingerprints;  ///< Of what it writes.
};

enum class Side : std::uint8_t { kLeft, kRight };

/// One side of a join, as the join stage reads it.
struct JoinSidePlan {
  std::string source_id;
  std::string key;  ///< A field of `input`.
  std::chrono::nanoseconds window{};
  std::vector<PlannedField> input;     ///< The columns on the wire, in order.
  Fingerprints fingerprints;           ///< Of who writes them.
  bool shuffled = false;               ///< Its messages come from every shard, by a transform.
  std::optional<TransformPlan> dedup;  ///< In front of the side.
};

/// What the join stage does.
struct JoinPlan {
  /// A column of the joined row: the field of a side.
  struct Output {
    Side side = Side::kLeft;
    std::size_t field = 0;  ///< Index in the side's input.
    PlannedField column;
  };
  JoinSidePlan left;
  JoinSidePlan right;
  bool keys_as_text = false;                         ///< The two keys have different types.
  bool sends_unmatched = false;                      ///< Left rows whose window ends, with nulls.
  std::optional<std::chrono::nanoseconds> max_skew;  ///< Beyond it the side ahead waits.
  std::vector<Output> outputs;
  /// Filter and outputs over the joined rows; without: they are what is written.
  std::optional<TransformPlan> after;
  std::vector<PlannedField> output;  ///< The columns that it writes, in order.
  Fingerprints fingerprints;         ///< Of what it writes.

  const JoinSidePlan& side(Side which) const { return which == Side::kLeft ? left : right; }
};

/// Which column of the last hop feeds which column of the table.
struct ColumnPlan {
  std::string field;
  FieldType field_type = FieldType::kString;
  std::string column_name;
  std::string column_type;  ///< As written in the mapping; empty: the table's.
  /// Kafka's metadata: `_topic`, `_partition`, `_offset`, `_timestamp` (ms) and `_ingest_time` (ms)
  /// come from the batch itself, `_key` and `_headers` are columns of the hop.
  bool metadata = false;
  bool null_as_default = false;  ///< Null becomes the column's default rather than a dead letter.
};

/// What will run for a pipeline: derived from the document alone, the same in every process.
struct PipelinePlan {
  std::vector<SourcePlan> sources;
  std::optional<TransformPlan> transform;  ///< Of a pipeline without a join.
  std::optional<JoinPlan> join;
  Hop sink_hop = Hop::kIn;  ///< The hop that the sink reads.
  std::vector<ColumnPlan>
      columns;  ///< Empty: every field of the last hop to the column of its name.
  std::vector<PlannedField> sink_fields;  ///< The columns of the sink's hop.
};

}  // namespace penstock
