#include "config/document.h"
#include "config/nearest.h"

namespace penstock::config {

namespace {

std::string WindowFault(std::chrono::nanoseconds window) {
  return window > std::chrono::nanoseconds(0) ? "" : "must be longer than 0s";
}

const Schema<FilterSpec>& FilterSchema() {
  using F = FilterSpec;
  static const Schema<F> schema = {
      Text("expression", &F::expression).Required().Doc("True keeps the record."),
  };
  return schema;
}

void ReadKey(const Site& site, DedupSpec& out) {
  if (site.node.kind != Node::Kind::kList) {
    if (ReadText(site, out.key.emplace_back())) return;
    out.key.clear();
  } else {
    ReadTexts(site, out.key);
  }
}

const Schema<DedupSpec>& DedupSchema() {
  using D = DedupSpec;
  static const Schema<D> schema = {
      Custom<D>("key", "field, or list of fields+", ReadKey)
          .Required()
          .Doc("Records with the same key are the same; the first one stays."),
      Duration("time_window", &D::time_window)
          .Required()
          .Check([](const D& dedup) { return WindowFault(dedup.time_window); })
          .Doc("How long a key is remembered, by Kafka's timestamps."),
  };
  return schema;
}

const Schema<StatelessOutput>& OutputSchema() {
  using O = StatelessOutput;
  static const Schema<O> schema = {
      Text("expression", &O::expression).Required().Doc("What the output's value is."),
      Text("output_name", &O::output_name).Required().Doc("Name of the output; unique."),
      Text("output_type", &O::output_type)
          .Required()
          .Doc("`string`, `int`, `int64`, `float64`, `bool` convert the value; any other type "
               "passes it on as it is."),
  };
  return schema;
}

const Schema<StatelessSpec>& StatelessSchema() {
  using S = StatelessSpec;
  static const Schema<S> schema = {
      List("transforms", &S::outputs, OutputSchema())
          .Required()
          .Check([](const S& stateless) {
            return stateless.outputs.empty() ? "must have at least one output" : "";
          })
          .Doc("The outputs; they replace the row."),
  };
  return schema;
}

// What `config` holds depends on `type`, which is read before it.
void ReadConfig(const Site& site, TransformDoc& out) {
  if (out.type == "filter") {
    FilterSchema().Read(site.node, site.path, site.findings, out.filter);
  } else if (out.type == "dedup") {
    DedupSchema().Read(site.node, site.path, site.findings, out.dedup);
  } else if (out.type == "stateless") {
    StatelessSchema().Read(site.node, site.path, site.findings, out.stateless);
  }
}

Field<TransformDoc> ConfigField() {
  Field<TransformDoc> field = Custom<TransformDoc>("config", "map", ReadConfig)
                                  .Required()
                                  .Doc("What the transform does, by its type.");
  field.info.groups = {{"filter", FilterSchema().infos()},
                       {"dedup", DedupSchema().infos()},
                       {"stateless", StatelessSchema().infos()}};
  return field;
}

const Schema<JoinSide>& SideSchema() {
  using S = JoinSide;
  static const Schema<S> schema = {
      Text("source_id", &S::source_id).Required().Doc("The source of this side."),
      Text("key", &S::key).Required().Doc("The field that must be equal on both sides."),
      Duration("time_window", &S::time_window)
          .Required()
          .Doc("How long a row of this side waits for its partner."),
  };
  return schema;
}

const Schema<JoinOutputField>& JoinOutputSchema() {
  using O = JoinOutputField;
  static const Schema<O> schema = {
      Text("source_id", &O::source_id).Required().Doc("The source that the field comes from."),
      Text("name", &O::name).Required().Doc("The field there."),
      Text("output_name", &O::output_name)
          .Default("name")
          .Doc("What the field is called in the joined row; unique."),
  };
  return schema;
}

}  // namespace

const Schema<TransformDoc>& TransformSchema() {
  using T = TransformDoc;
  static const Schema<T> schema = {
      Choice("type", &T::type, {"filter", "dedup", "stateless"})
          .Required()
          .Doc("They run in this order, whatever their order in the file."),
      Text("source_id", &T::source_id)
          .Required()
          .Doc("The source whose records it takes; `join` (an extension): the joined rows, for a "
               "filter or stateless."),
      ConfigField(),
  };
  return schema;
}

const Schema<JoinDoc>& JoinSchema() {
  using J = JoinDoc;
  static const Schema<J> schema = {
      Bool("enabled", &J::enabled)
          .Required()
          .Doc("Must be true with two sources; else the rest "
               "of `join` is not looked at."),
      Choice<J>("type", &J::type, {"temporal"}).Doc("The kind of matching in time."),
      Choice<J>("kind", &J::kind, {"inner", "left"})
          .Extension()
          .Doc(
              "`left` also sends left rows without a partner, with nulls, when their window ends."),
      Choice<J>("commit", &J::commit, {"taken", "window"})
          .Extension()
          .Doc("When Kafka's commit passes a row: when the join has taken it in and ClickHouse has "
               "confirmed what came before; or only when its window has passed, too: then even the "
               "loss of JetStream and of all disks loses no row, and a restart reads that much "
               "again."),
      OptionalDuration<J>("max_skew", &J::max_skew)
          .Extension()
          .Doc("How far one side's time may be ahead of the other's before it waits."),
      Object<J, JoinSide>("left_source", &J::left, SideSchema())
          .Required()
          .Doc("The side whose rows are sent."),
      Object<J, JoinSide>("right_source", &J::right, SideSchema())
          .Required()
          .Doc("The side that is looked up."),
      List<J, JoinOutputField>("output_fields", &J::output_fields, JoinOutputSchema())
          .Doc("What the joined row has; at least one."),
  };
  return schema;
}

}  // namespace penstock::config
