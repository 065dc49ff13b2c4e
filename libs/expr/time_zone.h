#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::expr {

struct Offset {
  int seconds = 0;  ///< East of Greenwich.
  std::string_view abbreviation = "UTC";
  bool daylight_saving = false;
};

/// A time zone of the system's database, or a fixed offset. Immutable.
class Zone {
 public:
  /// A fixed offset; the name may be empty, then times print the offset.
  Zone(std::string name, int offset_seconds);

  /// "UTC", "Local" (UTC, too) or a name of the database, such as "Europe/Berlin". Null: there is
  /// none. Zones are read once and live as long as the process. Thread-safe.
  static const Zone* Find(std::string_view name);

  const std::string& name() const { return name_; }
  /// What holds at that second of UTC.
  Offset At(std::int64_t seconds) const;
  /// The second of UTC at which clocks show `local` seconds since 1970. Where clocks were put
  /// forward or back there are none or two: then one of those nearby.
  std::int64_t ToUtc(std::int64_t local) const;

 private:
  struct Kind {
    int seconds = 0;
    bool daylight_saving = false;
    std::string abbreviation;
  };
  // A day of the year on which clocks change, of a POSIX rule.
  struct ChangeDay {
    char form = 'M';  ///< M month.week.weekday, J day without 29 February, N day from 0.
    int month = 0;
    int week = 0;
    int day = 0;
    int second = 7200;  ///< Of that day.
  };
  // What holds after the last transition.
  struct Rule {
    bool present = false;
    Kind standard;
    Kind summer;
    bool has_summer = false;
    ChangeDay begin;
    ChangeDay end;
  };
  friend class ZoneReader;
  friend class RuleReader;

  explicit Zone(std::string name) : name_(std::move(name)) {}
  Offset AtByRule(std::int64_t seconds) const;
  static std::int64_t SecondOf(const ChangeDay& day, std::int64_t year);

  std::string name_;
  std::vector<Kind> kinds_;
  std::vector<std::int64_t> transitions_;
  std::vector<std::uint8_t> kind_after_;  ///< Of each transition.
  std::size_t first_kind_ = 0;
  Rule rule_;
};

}  // namespace penstock::expr
