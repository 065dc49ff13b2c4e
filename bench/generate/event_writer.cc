#include "generate/event_writer.h"

#include <chrono>

namespace penstock::events {

EventWriter& EventWriter::Time(std::int64_t ms_since_epoch) {
  using std::chrono::days;
  using std::chrono::milliseconds;
  using std::chrono::sys_time;
  const sys_time<milliseconds> time{milliseconds(ms_since_epoch)};
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date(day);
  const auto ms = static_cast<std::uint64_t>((time - day).count());
  Padded(static_cast<std::uint64_t>(static_cast<int>(date.year())), 4).Raw("-");
  Padded(static_cast<unsigned>(date.month()), 2).Raw("-");
  Padded(static_cast<unsigned>(date.day()), 2).Raw("T");
  Padded(ms / 3'600'000, 2).Raw(":").Padded(ms / 60'000 % 60, 2).Raw(":");
  return Padded(ms / 1000 % 60, 2).Raw(".").Padded(ms % 1000, 3).Raw("Z");
}

}  // namespace penstock::events
