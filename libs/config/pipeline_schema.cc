#include "config/document.h"

namespace penstock::config {

namespace {

void ReadVersion(const Site& site, PipelineDoc& out) {
  if (!ReadText(site, out.version) || out.version.empty() || out.version == "v3") return;
  if (out.version == "v1" || out.version == "v2") {
    site.Fault(fmt::format("{} is an older format; convert the file first: penstock convert FILE",
                           out.version));
  } else {
    site.Fault(fmt::format("must be v3, is {}", site.Shown()));
  }
}

void ReadPipelineId(const Site& site, PipelineDoc& out) {
  constexpr std::size_t kShortest = 5;
  std::string id;
  if (!ReadText(site, id)) return;
  const std::size_t first = id.find_first_not_of(" \t\r\n");
  id = first == std::string::npos ? ""
                                  : id.substr(first, id.find_last_not_of(" \t\r\n") + 1 - first);
  std::size_t characters = 0;
  for (const char c : id) characters += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
  if (characters < kShortest) {
    return site.Fault(
        fmt::format("must have {} or more characters, is {}", kShortest, site.Shown()));
  }
  out.pipeline_id = id;
}

// A join that is switched off may be half filled in.
void ReadJoin(const Site& site, PipelineDoc& out) {
  const Node* enabled = site.node.Find("enabled");
  const bool off =
      enabled != nullptr && enabled->kind == Node::Kind::kBool && enabled->text == "false";
  site.findings.lenient = off;
  JoinSchema().Read(site.node, site.path, site.findings, out.join.emplace());
  site.findings.lenient = false;
  if (off) out.join.reset();
}

Field<PipelineDoc> Join() {
  Field<PipelineDoc> field =
      Custom<PipelineDoc>("join", "map", ReadJoin).Doc("Joins two Kafka sources.");
  field.info.groups = {{"", JoinSchema().infos()}};
  return field;
}

const Schema<PipelineDoc>& MetadataSchema() {
  static const Schema<PipelineDoc> schema = {
      Texts("tags", &PipelineDoc::tags).Required().Doc("Free words."),
  };
  return schema;
}

}  // namespace

const Schema<PipelineDoc>& PipelineSchema() {
  using P = PipelineDoc;
  static const Schema<P> schema = {
      Custom<P>("version", "`v3`", ReadVersion)
          .Default("v3")
          .Doc("The format. Files of `v1` and `v2` are converted by `penstock convert`."),
      Custom<P>("pipeline_id", "text", ReadPipelineId)
          .Required()
          .Doc("Names the pipeline; five or more characters."),
      Text("name", &P::name).Default("the pipeline_id").Doc("For people."),
      List("sources", &P::sources, SourceSchema())
          .Required()
          .Doc("One source, or two Kafka sources with a `join`."),
      List("transforms", &P::transforms, TransformSchema())
          .Doc("Filter, deduplication, expressions."),
      Join(),
      Object("sink", &P::sink, SinkSchema()).Required().Doc("Where the rows go."),
      Group("metadata", MetadataSchema()).Doc("For people and the tools around."),
      Object("resources", &P::resources, ResourcesSchema())
          .Doc("How much of what the pipeline may use."),
  };
  return schema;
}

}  // namespace penstock::config
