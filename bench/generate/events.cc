#include "generate/events.h"

#include "generate/event_writer.h"
#include "generate/random.h"
#include "generate/words.h"

namespace penstock::events {

namespace {

constexpr std::int64_t kFirstEventMs = 1'735'689'600'000;  // 2025-01-01T00:00:00Z

constexpr std::array<EventField, 5> kUserFields{{
    {"event_id", "string", "event_id", "UUID"},
    {"user_id", "int64", "user_id", "Int64"},
    {"name", "string", "name", "String"},
    {"email", "string", "email", "String"},
    {"created_at", "string", "created_at", "DateTime64(3)"},
}};

constexpr std::array<EventField, 25> kLogFields{{
    {"event_id", "string", "event_id", "UUID"},
    {"timestamp", "string", "timestamp", "DateTime64(3)"},
    {"level", "string", "level", "LowCardinality(String)"},
    {"service", "string", "service", "LowCardinality(String)"},
    {"host", "string", "host", "LowCardinality(String)"},
    {"environment", "string", "environment", "LowCardinality(String)"},
    {"region", "string", "region", "LowCardinality(String)"},
    {"version", "string", "version", "LowCardinality(String)"},
    {"trace_id", "string", "trace_id", "FixedString(32)"},
    {"span_id", "string", "span_id", "FixedString(16)"},
    {"http.method", "string", "http_method", "LowCardinality(String)"},
    {"http.url", "string", "http_url", "String"},
    {"http.status", "uint16", "http_status", "UInt16"},
    {"http.user_agent", "string", "http_user_agent", "String"},
    {"http.referer", "string", "http_referer", "String"},
    {"client_ip", "string", "client_ip", "String"},
    {"user_id", "int64", "user_id", "Int64"},
    {"session_id", "string", "session_id", "UUID"},
    {"duration_ms", "float64", "duration_ms", "Float64"},
    {"bytes_in", "uint64", "bytes_in", "UInt64"},
    {"bytes_out", "uint64", "bytes_out", "UInt64"},
    {"cache_hit", "bool", "cache_hit", "Bool"},
    {"message", "string", "message", "String"},
    {"tags", "array", "tags", "Array(String)"},
    {"attributes", "map", "attributes", "Map(String, String)"},
}};

constexpr std::array<EventField, 17> kOrderFields{{
    {"event_id", "string", "event_id", "UUID"},
    {"created_at", "string", "created_at", "DateTime64(3)"},
    {"customer.id", "int64", "customer_id", "Int64"},
    {"customer.name", "string", "customer_name", "String"},
    {"customer.tier", "string", "customer_tier", "LowCardinality(String)"},
    {"customer.address.country", "string", "country", "LowCardinality(String)"},
    {"customer.address.postcode", "string", "postcode", "String"},
    {"customer.address.line", "string", "address_line", "String"},
    {"shipping.method", "string", "shipping_method", "LowCardinality(String)"},
    {"shipping.fee", "float64", "shipping_fee", "Float64"},
    {"items", "array", "items", "Array(String)"},
    {"quantities", "array", "quantities", "Array(UInt32)"},
    {"total", "float64", "total", "Float64"},
    {"currency", "string", "currency", "LowCardinality(String)"},
    {"paid", "bool", "paid", "Bool"},
    {"coupon", "string", "coupon", "Nullable(String)", true},
    {"labels", "map", "labels", "Map(String, String)"},
}};

constexpr std::array<EventField, 4> kClickFields{{
    {"event_id", "string", "event_id", "UUID"},
    {"account_id", "int64", "account_id", "Int64"},
    {"page", "string", "page", "String"},
    {"created_at", "string", "created_at", "DateTime64(3)"},
}};

constexpr std::array<EventField, 3> kAccountFields{{
    {"account_id", "int64", "account_id", "Int64"},
    {"name", "string", "name", "String"},
    {"email", "string", "email", "String"},
}};

template <typename List>
auto Pick(const List& list, Random& random) {
  return list[random.Below(static_cast<std::uint32_t>(list.size()))];
}

std::uint64_t Key(Workload workload, std::uint64_t seed) {
  return Mix(seed * 4 + static_cast<std::uint64_t>(workload) + 1);
}

void WriteId(Workload workload, std::uint64_t seed, std::uint64_t index, EventWriter& writer) {
  const std::uint64_t key = Key(workload, seed);
  writer.Uuid(Mix(index ^ key), Mix(index + ~key));
}

void WriteUser(std::uint64_t index, Random& random, EventWriter& w) {
  const std::uint32_t user = 10'000 + random.Below(990'000);
  const auto colour = kColours[user % 16];
  const auto fruit = kFruits[user / 16 % 16];
  w.Raw("\",\"user_id\":").Number(user).Raw(",\"name\":\"").Raw(colour).Raw(" ").Raw(fruit);
  w.Raw("\",\"email\":\"").Raw(colour).Raw(".").Raw(fruit).Raw(".").Number(user);
  w.Raw("@mail-").Number(user % 40).Raw(".example\",\"created_at\":\"");
  w.Time(EventTimeMs(index)).Raw("\"}");
}

// Of a million, the first half of the clicks is of accounts that are told of in the second half.
std::uint64_t AccountOf(std::uint64_t index, bool click) {
  constexpr std::uint64_t kHalf = 500'000;
  constexpr std::uint64_t kAccounts = 250'000;
  const bool first_half = index / kHalf % 2 == 0;
  return index % kAccounts + (first_half == click ? 0 : kAccounts);
}

void WriteClick(std::uint64_t index, Random& random, EventWriter& w) {
  w.Raw("\",\"account_id\":").Number(AccountOf(index, true)).Raw(",\"page\":\"");
  w.Raw(Pick(kPaths, random)).Number(random.Below(1000)).Raw("\",\"created_at\":\"");
  w.Time(EventTimeMs(index)).Raw("\"}");
}

void WriteAccount(std::uint64_t index, Random& random, EventWriter& w) {
  const std::uint64_t account = AccountOf(index, false);
  w.Raw("\",\"account_id\":").Number(account).Raw(",\"name\":\"").Raw(Pick(kColours, random));
  w.Raw(" ").Raw(Pick(kFruits, random)).Raw("\",\"email\":\"account.").Number(account);
  w.Raw("@mail-").Number(account % 40).Raw(".example\"}");
}

void WriteHttp(std::uint32_t user, Random& random, EventWriter& w) {
  w.Raw(",\"http\":{\"method\":\"").Raw(Pick(kMethods, random));
  w.Raw("\",\"url\":\"https://shop.example").Raw(Pick(kPaths, random));
  w.Number(random.Below(1'000'000)).Raw("?session=").Hex(random.Next(), 12);
  w.Raw("&variant=").Raw(Pick(kColours, random)).Raw("&page=").Number(random.Skewed(50));
  w.Raw("&utm_source=").Raw(Pick(kFruits, random)).Raw("&utm_campaign=spring-");
  w.Number(random.Below(400));
  w.Raw("\",\"status\":").Number(Pick(kStatuses, random));
  w.Raw(",\"user_agent\":\"").Raw(kUserAgents[user % kUserAgents.size()]);
  w.Raw("\",\"referer\":\"https://www.example/").Raw(Pick(kFruits, random)).Raw("/");
  w.Number(random.Below(5000)).Raw("\"}");
}

void WriteTagsAndAttributes(std::uint32_t user, Random& random, EventWriter& w) {
  w.Raw(",\"tags\":[\"").Raw(Pick(kTags, random));
  for (std::uint32_t more = 1 + random.Below(3); more > 0; --more) {
    w.Raw("\",\"").Raw(Pick(kTags, random));
  }
  w.Raw("\"],\"attributes\":{\"tenant\":\"tenant-").Number(user % 500);
  w.Raw("\",\"build\":\"").Hex(user % 64 * 0x9E3779B9ULL, 8);
  w.Raw("\",\"upstream\":\"").Raw(Pick(kServices, random)).Raw(":").Number(8000 + user % 90);
  w.Raw("\",\"zone\":\"").Raw(Pick(kRegions, random)).Raw("\",\"attempt\":\"");
  w.Number(1 + random.Skewed(4)).Raw("\",\"queue_ms\":\"").Number(random.Skewed(900));
  w.Raw("\",\"feature\":\"").Raw(Pick(kColours, random)).Raw("-").Raw(Pick(kFruits, random));
  w.Raw("\",\"correlation\":\"").Hex(random.Next(), 16).Hex(random.Next(), 16);
  w.Raw("\"}}");
}

void WriteLog(std::uint64_t index, Random& random, EventWriter& w) {
  const std::uint32_t user = 10'000 + random.Below(990'000);
  const auto service = Pick(kServices, random);
  const auto region = kRegions[user % kRegions.size()];
  w.Raw("\",\"timestamp\":\"").Time(EventTimeMs(index));
  w.Raw("\",\"level\":\"").Raw(Pick(kLevels, random)).Raw("\",\"service\":\"").Raw(service);
  w.Raw("\",\"host\":\"").Raw(service).Raw("-").Number(random.Below(24)).Raw(".").Raw(region);
  w.Raw(".internal\",\"environment\":\"").Raw(kEnvironments[user % 16 == 0 ? 1 + user % 2 : 0]);
  w.Raw("\",\"region\":\"").Raw(region).Raw("\",\"version\":\"2.").Number(user % 7).Raw(".");
  w.Number(user % 31).Raw("\",\"trace_id\":\"").Hex(random.Next(), 16).Hex(random.Next(), 16);
  w.Raw("\",\"span_id\":\"").Hex(random.Next(), 16).Raw("\"");
  WriteHttp(user, random, w);
  w.Raw(",\"client_ip\":\"10.").Number(user >> 12 & 0xFF).Raw(".").Number(user >> 4 & 0xFF);
  w.Raw(".").Number(user & 0xFF).Raw("\",\"user_id\":").Number(user);
  w.Raw(",\"session_id\":\"").Uuid(Mix(user), user).Raw("\",\"duration_ms\":");
  w.Decimal(50 + random.Skewed(4'000'000)).Raw(",\"bytes_in\":").Number(random.Skewed(65'536));
  w.Raw(",\"bytes_out\":").Number(random.Skewed(4'000'000));
  w.Raw(random.Below(3) == 0 ? ",\"cache_hit\":true" : ",\"cache_hit\":false");
  w.Raw(",\"message\":\"").Raw(Pick(kMessages, random)).Raw("; worker=").Number(user % 48);
  w.Raw(" pool=").Raw(Pick(kColours, random)).Raw(" remaining=").Number(random.Below(1000));
  w.Raw(" hint=").Raw(Pick(kHints, random));
  w.Raw(" attempt=").Number(1 + user % 3).Raw(" key=").Raw(Pick(kColours, random)).Raw("/");
  w.Raw(Pick(kFruits, random)).Raw("/").Hex(random.Next(), 16).Raw("\"");
  WriteTagsAndAttributes(user, random, w);
}

void WriteItems(Random& random, EventWriter& w) {
  const std::uint32_t items = 1 + random.Skewed(6);
  w.Raw(",\"items\":[");
  for (std::uint32_t i = 0; i < items; ++i) {
    w.Raw(i == 0 ? "\"" : ",\"").Raw(Pick(kFruits, random)).Raw("-");
    w.Number(100 + random.Below(900)).Raw("\"");
  }
  w.Raw("],\"quantities\":[");
  for (std::uint32_t i = 0; i < items; ++i) {
    w.Raw(i == 0 ? "" : ",").Number(1 + random.Skewed(20));
  }
  w.Raw("]");
}

void WriteOrder(std::uint64_t index, Random& random, EventWriter& w) {
  const std::uint32_t customer = 10'000 + random.Below(90'000);
  w.Raw("\",\"created_at\":\"").Time(EventTimeMs(index)).Raw("\",\"customer\":{\"id\":");
  w.Number(customer).Raw(",\"name\":\"").Raw(kColours[customer % 16]).Raw(" ");
  w.Raw(kFruits[customer / 16 % 16]).Raw("\",\"tier\":\"").Raw(kTiers[customer % 3]);
  w.Raw("\",\"address\":{\"country\":\"").Raw(kCountries[customer % 8]);
  w.Raw("\",\"postcode\":\"")
      .Padded(std::uint64_t{customer} * 7 % 100'000, 5)
      .Raw("\",\"line\":\"");
  w.Number(1 + customer % 200).Raw(" ").Raw(kFruits[customer % 13]).Raw(" street\"}}");
  w.Raw(",\"shipping\":{\"method\":\"").Raw(Pick(kShipping, random)).Raw("\",\"fee\":");
  w.Decimal(std::uint64_t{500} * random.Below(20)).Raw("}");
  WriteItems(random, w);
  w.Raw(",\"total\":").Decimal(990 + std::uint64_t{10} * random.Skewed(50'000));
  w.Raw(",\"currency\":\"").Raw(Pick(kCurrencies, random)).Raw("\",\"paid\":");
  w.Raw(random.Below(10) == 0 ? "false" : "true");
  if (random.Below(4) == 0) w.Raw(",\"coupon\":\"").Raw(Pick(kFruits, random)).Raw("-10\"");
  w.Raw(",\"labels\":{\"channel\":\"").Raw(Pick(kTags, random)).Raw("\",\"campaign\":\"");
  w.Raw(Pick(kColours, random)).Raw("-").Number(random.Below(90)).Raw("\",\"device\":\"");
  w.Raw(Pick(kTags, random)).Raw("\",\"experiment\":\"").Raw(Pick(kFruits, random));
  w.Raw("\",\"warehouse\":\"").Raw(Pick(kRegions, random)).Raw("\"}}");
}

}  // namespace

std::string_view ToText(Workload workload) {
  constexpr std::array<std::string_view, 5> kNames{"users", "logs", "orders", "clicks", "accounts"};
  return kNames.at(static_cast<std::size_t>(workload));
}

std::optional<Workload> ParseWorkload(std::string_view name) {
  for (const Workload workload : {Workload::kUsers, Workload::kLogs, Workload::kOrders,
                                  Workload::kClicks, Workload::kAccounts}) {
    if (name == ToText(workload)) return workload;
  }
  return std::nullopt;
}

std::span<const EventField> Fields(Workload workload) {
  switch (workload) {
    case Workload::kUsers:
      return kUserFields;
    case Workload::kLogs:
      return kLogFields;
    case Workload::kOrders:
      return kOrderFields;
    case Workload::kClicks:
      return kClickFields;
    case Workload::kAccounts:
      return kAccountFields;
  }
  return {};
}

std::int64_t EventTimeMs(std::uint64_t index) {
  return kFirstEventMs + static_cast<std::int64_t>(index / 4);
}

std::string EventId(Workload workload, std::uint64_t seed, std::uint64_t index) {
  std::string id;
  EventWriter writer(id);
  WriteId(workload, seed, index, writer);
  return id;
}

void AppendEvent(Workload workload, std::uint64_t seed, std::uint64_t index, std::string& out) {
  EventWriter writer(out);
  writer.Raw("{\"event_id\":\"");
  WriteId(workload, seed, index, writer);
  Random random(Mix(Key(workload, seed) ^ Mix(index)));
  switch (workload) {
    case Workload::kUsers:
      return WriteUser(index, random, writer);
    case Workload::kLogs:
      return WriteLog(index, random, writer);
    case Workload::kOrders:
      return WriteOrder(index, random, writer);
    case Workload::kClicks:
      return WriteClick(index, random, writer);
    case Workload::kAccounts:
      return WriteAccount(index, random, writer);
  }
}

}  // namespace penstock::events
