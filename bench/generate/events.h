#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace penstock::events {

/// Synthetic events for demos, tests and benchmarks. `kUsers`: 5 fields, about 180 bytes. `kLogs`:
/// 25 fields of all kinds, some nested, about 1.35 KB. `kOrders`: nested, about 500 bytes.
/// `kClicks` and `kAccounts`, about 120 bytes: two sides of a join by `account_id`. Of a million of
/// each there are 500,000 accounts, two clicks and two records of each account, and half of the
/// clicks come before a record of their account, by EventTimeMs.
enum class Workload : std::uint8_t { kUsers, kLogs, kOrders, kClicks, kAccounts };

std::string_view ToText(Workload workload);
std::optional<Workload> ParseWorkload(std::string_view name);

/// Appends event `index` as one JSON object without a newline. A function of its arguments
/// alone, in every process and for ever: tests compare what arrives with what must.
void AppendEvent(Workload workload, std::uint64_t seed, std::uint64_t index, std::string& out);

/// The event's `event_id`, a UUID; different indexes have different ones.
std::string EventId(Workload workload, std::uint64_t seed, std::uint64_t index);

/// The event's own time in ms since the epoch: it grows by 1 ms with every fourth event.
std::int64_t EventTimeMs(std::uint64_t index);

/// One field of a workload: as a source declares it, and the column that it goes to.
struct EventField {
  std::string_view name;  ///< Dotted for a nested one.
  std::string_view type;  ///< Of the pipeline document's schema_fields.
  std::string_view column;
  std::string_view column_type;
  bool optional = false;
};
std::span<const EventField> Fields(Workload workload);

}  // namespace penstock::events
