#include "config/document.h"
#include "config/quantity.h"

namespace penstock::config {

namespace {

using Quantities = std::map<std::string, std::string>;

// `requests` and `limits`: a Kubernetes quantity, checked; kept as text for the chart.
Field<Quantities> Quantity(std::string name, std::string doc) {
  const auto read = [name](const Site& site, Quantities& out) {
    if (site.node.unresolved) return;
    const bool is_number =
        site.node.kind == Node::Kind::kInt || site.node.kind == Node::Kind::kFloat;
    const std::optional<double> value = is_number || site.node.kind == Node::Kind::kText
                                            ? ParseQuantity(site.node.text)
                                            : std::nullopt;
    if (!value || *value < 0) {
      return site.WrongKind("a Kubernetes quantity such as \"500m\", \"2\" or \"1Gi\"");
    }
    out[name] = site.node.text;
  };
  return Custom<Quantities>(name, "quantity", read).Doc(std::move(doc));
}

const Schema<Quantities>& QuantitiesSchema() {
  static const Schema<Quantities> schema = {
      Quantity("cpu", "CPUs; `500m` is half of one."),
      Quantity("memory", "Bytes; `512Mi`, `2Gi`."),
  };
  return schema;
}

const Schema<ComponentResources>& StorageSchema() {
  using R = ComponentResources;
  static const auto read = [](const Site& site, R& out) {
    Quantities size;
    Quantity("size", "").read(site, size);
    out.storage_size = size["size"];
  };
  static const Schema<R> schema = {
      Custom<R>("size", "quantity", read).Required().Doc("Size of the volume."),
  };
  return schema;
}

constexpr std::int64_t kMaxReplicas = 10'000;

Field<ComponentResources> Replicas() {
  return Integer("replicas", &ComponentResources::replicas, 0, kMaxReplicas)
      .Doc("How many to start with; `kubectl scale` may change it at any time.");
}
Field<ComponentResources> Requests() {
  return Object("requests", &ComponentResources::requests, QuantitiesSchema())
      .Doc("What Kubernetes sets aside for each.");
}
Field<ComponentResources> Limits() {
  return Object("limits", &ComponentResources::limits, QuantitiesSchema())
      .Doc("What each may use at most; the worker pools follow the CPU limit.");
}
Field<ComponentResources> Storage() {
  return Group("storage", StorageSchema()).Doc("The volume of a stage that keeps state.");
}
Field<ComponentResources> SourceId() {
  return Text("source_id", &ComponentResources::source_id)
      .Required()
      .Doc("The source that it belongs to.");
}

const Schema<ComponentResources>& IngestorSchema() {
  static const Schema<ComponentResources> schema = {SourceId(), Replicas(), Requests(), Limits()};
  return schema;
}
const Schema<ComponentResources>& TransformResourcesSchema() {
  static const Schema<ComponentResources> schema = {SourceId(), Replicas(), Requests(), Limits(),
                                                    Storage()};
  return schema;
}
const Schema<ComponentResources>& StageSchema() {
  static const Schema<ComponentResources> schema = {Replicas(), Requests(), Limits(), Storage()};
  return schema;
}

// 0 is the reference system's "not given": the default stays.
void ReadMaxBytes(const Site& site, NatsSpec& out) {
  std::uint64_t bytes = 0;
  if (ReadSize(site, bytes) && bytes > 0) out.max_bytes = bytes;
}

void ReadMaxRows(const Site& site, NatsSpec& out) {
  std::int64_t rows = 0;
  if (!ReadInteger(site, -1, std::numeric_limits<std::int64_t>::max(), rows)) return;
  out.max_messages_rows = rows > 0 ? static_cast<std::uint64_t>(rows) : 0;
}

const Schema<NatsSpec>& StreamSchema() {
  using N = NatsSpec;
  static const Schema<N> schema = {
      Duration("maxAge", &N::max_age)
          .Alias("max_age")
          .Check([](const N& nats) {
            return nats.max_age >= std::chrono::nanoseconds(0) ? "" : "must not be negative";
          })
          .Doc("Alarm when the oldest unconfirmed row is older; nothing is ever deleted for its "
               "age. 0s: no alarm."),
      Custom<N>("maxBytes", "size", ReadMaxBytes)
          .Alias("max_bytes")
          .Default(FormatSize(N{}.max_bytes))
          .Doc("Bytes of each hop's streams together, divided between the shards. JetStream sets "
               "them aside when the streams are made. 0 means the default."),
      Custom<N>("maxMsgs", "whole number, -1 or more", ReadMaxRows)
          .Alias("max_msgs")
          .Default("no bound")
          .Doc("Rows of each hop's streams together; 0 and -1: no bound."),
  };
  return schema;
}

void ReadUrls(const Site& site, NatsSpec& out) {
  if (site.node.kind == Node::Kind::kList) {
    ReadTexts(site, out.urls);
  } else if (std::string url; ReadText(site, url) && !url.empty()) {
    out.urls.push_back(std::move(url));
  }
}

void ReadStorage(const Site& site, NatsSpec& out) {
  std::string storage;
  if (ReadChoice(site, {"file", "memory"}, storage)) out.memory_storage = storage == "memory";
}

const Schema<NatsSpec>& NatsSchema() {
  using N = NatsSpec;
  constexpr std::int64_t kMaxStreamReplicas = 5;  // JetStream's own bound.
  static const Schema<N> schema = {
      Group("stream", StreamSchema()).Doc("Bounds of the streams between the stages."),
      Integer("replicas", &N::replicas, 1, kMaxStreamReplicas)
          .Extension()
          .Doc("NATS servers that hold each stream."),
      Custom<N>("storage", "`file`, `memory`", ReadStorage)
          .Extension()
          .Default("file")
          .Doc("Where the streams are kept."),
      Custom<N>("url", "text, or list of texts", ReadUrls)
          .Extension()
          .Secret()
          .Doc("Servers, `nats://host:4222`; left out: those of the command line."),
      Text("username", &N::username).Extension().Doc("To log in to NATS."),
      Text("password", &N::password).Extension().Secret().Doc("To log in to NATS."),
      Text("token", &N::token).Extension().Secret().Doc("To log in to NATS, instead."),
      Text("credentials_file", &N::credentials_file)
          .Extension()
          .Doc("Path of a `.creds` file, instead."),
      Pem("root_ca", &N::root_ca).Extension().Doc("The authority of the servers' certificates."),
      Pem("client_cert", &N::client_cert)
          .Extension()
          .Doc("Certificate for mutual TLS, with `client_key`."),
      Pem("client_key", &N::client_key).Extension().Secret().Doc("Key of `client_cert`."),
      Bool("skip_tls_verification", &N::skip_tls_verification)
          .Extension()
          .Doc("Accept any certificate. For tests."),
  };
  return schema;
}

const Schema<ResourcesSpec>& BatchSchema() {
  using R = ResourcesSpec;
  constexpr std::uint64_t kMin = 1 << 10;
  constexpr std::uint64_t kMax = 64 << 20;  // The largest max_payload of NATS.
  static const Schema<R> schema = {
      Size("max_bytes", &R::batch_max_bytes)
          .Check([](const R& resources) {
            return resources.batch_max_bytes >= kMin && resources.batch_max_bytes <= kMax
                       ? ""
                       : "must be 1KiB to 64MiB";
          })
          .Doc("Bytes of a message at most, compressed; the server's max_payload may lower it."),
      Duration("max_delay", &R::batch_max_delay)
          .Check([](const R& resources) {
            const auto delay = resources.batch_max_delay;
            return delay > std::chrono::nanoseconds(0) && delay <= std::chrono::minutes(1)
                       ? ""
                       : "must be longer than 0s and at most 1m";
          })
          .Doc("How long the first row of a message may wait for others."),
  };
  return schema;
}

}  // namespace

const Schema<ResourcesSpec>& ResourcesSchema() {
  using R = ResourcesSpec;
  constexpr std::int64_t kMaxShards = 256;
  static const Schema<R> schema = {
      Integer("shards", &R::shards, 1, kMaxShards)
          .Extension()
          .Doc("Slices that replicas share between them, each with its own stream on every hop. "
               "Cannot be changed while the streams exist."),
      Object("nats", &R::nats, NatsSchema()).Doc("NATS JetStream, which carries the batches."),
      Group("batch", BatchSchema()).Extension().Doc("The messages between the stages."),
      List("sources", &R::sources, IngestorSchema()).Doc("The ingestors, for the Helm chart."),
      List("transform", &R::transform, TransformResourcesSchema())
          .Doc("The transform stage, for the Helm chart."),
      Object("join", &R::join, StageSchema())
          .Extension()
          .Doc("The join stage, for the Helm chart; only with a `join`."),
      Object("sink", &R::sink, StageSchema()).Doc("The sink, for the Helm chart."),
  };
  return schema;
}

}  // namespace penstock::config
