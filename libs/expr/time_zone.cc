#include "expr/time_zone.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>

#include "expr/time_value.h"

namespace penstock::expr {

namespace {

constexpr std::int64_t kDaySeconds = 86400;

std::int64_t BigEndian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = (value << 8U) | static_cast<unsigned char>(byte);
  const unsigned unused = 64 - 8 * static_cast<unsigned>(bytes.size());
  return static_cast<std::int64_t>(value << unused) >> unused;
}

}  // namespace

/// Reads the rule behind the transitions: "CET-1CEST,M3.5.0,M10.5.0/3" (POSIX, TZ).
class RuleReader {
 public:
  explicit RuleReader(std::string_view text) : text_(text) {}

  bool Read(Zone::Rule& rule) {
    if (!Name(rule.standard.abbreviation) || !OffsetOf(rule.standard.seconds)) return false;
    rule.present = true;
    if (text_.empty()) return true;
    rule.has_summer = true;
    rule.summer.daylight_saving = true;
    rule.summer.seconds = rule.standard.seconds + 3600;
    if (!Name(rule.summer.abbreviation)) return false;
    if (!text_.empty() && text_[0] != ',' && !OffsetOf(rule.summer.seconds)) return false;
    return Day(rule.begin) && Day(rule.end) && text_.empty();
  }

 private:
  bool Take(char c) {
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool Name(std::string& name) {
    const bool quoted = Take('<');
    std::size_t length = 0;
    while (length < text_.size() &&
           (quoted ? text_[length] != '>'
                   : (text_[length] | 0x20) >= 'a' && (text_[length] | 0x20) <= 'z')) {
      ++length;
    }
    name = text_.substr(0, length);
    text_.remove_prefix(length);
    return length > 0 && (!quoted || Take('>'));
  }
  bool Number(int& value) {
    std::size_t length = 0;
    value = 0;
    while (length < text_.size() && length < 5 && text_[length] >= '0' && text_[length] <= '9') {
      value = value * 10 + (text_[length++] - '0');
    }
    text_.remove_prefix(length);
    return length > 0;
  }
  // [+-]hours[:minutes[:seconds]]
  bool TimeOf(int& seconds) {
    const bool negative = Take('-');
    if (!negative) Take('+');
    int hours = 0;
    int minutes = 0;
    int rest = 0;
    if (!Number(hours) || (Take(':') && !Number(minutes)) || (Take(':') && !Number(rest))) {
      return false;
    }
    seconds = (hours * 60 + minutes) * 60 + rest;
    if (negative) seconds = -seconds;
    return true;
  }
  // Counted to the west.
  bool OffsetOf(int& seconds) {
    if (!TimeOf(seconds)) return false;
    seconds = -seconds;
    return true;
  }
  bool Day(Zone::ChangeDay& day) {
    if (!Take(',')) return false;
    if (Take('M')) {
      day.form = 'M';
      if (!Number(day.month) || !Take('.') || !Number(day.week) || !Take('.') || !Number(day.day)) {
        return false;
      }
    } else {
      day.form = Take('J') ? 'J' : 'N';
      if (!Number(day.day)) return false;
    }
    return !Take('/') || TimeOf(day.second);
  }

  std::string_view text_;
};

/// Reads a file of the time zone database (RFC 8536).
class ZoneReader {
 public:
  explicit ZoneReader(std::string_view bytes) : bytes_(bytes) {}

  bool Read(Zone& zone) {
    // The first block has 32-bit times and is skipped.
    Header header;
    if (!ReadHeader(header) || header.version == 0) return false;
    Take(header.DataSize(4));
    if (!ReadHeader(header) || !ReadData(header, zone)) return false;
    std::string_view footer = bytes_;
    if (footer.size() > 2 && footer.front() == '\n' && footer.back() == '\n') {
      footer = footer.substr(1, footer.size() - 2);
      if (!RuleReader(footer).Read(zone.rule_)) zone.rule_ = {};
    }
    return ok_;
  }

 private:
  struct Header {
    char version = 0;
    std::size_t is_utc = 0;
    std::size_t is_standard = 0;
    std::size_t leaps = 0;
    std::size_t transitions = 0;
    std::size_t kinds = 0;
    std::size_t characters = 0;
    std::size_t DataSize(std::size_t time_size) const {
      return transitions * (time_size + 1) + kinds * 6 + characters + leaps * (time_size + 4) +
             is_standard + is_utc;
    }
  };

  std::string_view Take(std::size_t size) {
    if (size > bytes_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  std::size_t Count() { return static_cast<std::size_t>(BigEndian(Take(4)) & 0xFFFFFF); }

  bool ReadHeader(Header& header) {
    if (Take(4) != "TZif") return false;
    const std::string_view version = Take(16);
    if (!ok_) return false;
    header.version = version[0];
    header.is_utc = Count();
    header.is_standard = Count();
    header.leaps = Count();
    header.transitions = Count();
    header.kinds = Count();
    header.characters = Count();
    return ok_ && header.kinds > 0 && header.DataSize(4) <= bytes_.size();
  }

  bool ReadData(const Header& header, Zone& zone) {
    const std::string_view times = Take(header.transitions * 8);
    const std::string_view indexes = Take(header.transitions);
    const std::string_view kinds = Take(header.kinds * 6);
    const std::string_view names = Take(header.characters);
    Take(header.leaps * 12 + header.is_standard + header.is_utc);
    if (!ok_) return false;
    for (std::size_t i = 0; i < header.kinds; ++i) {
      const std::string_view kind = kinds.substr(i * 6, 6);
      const auto name = static_cast<std::size_t>(static_cast<unsigned char>(kind[5]));
      if (name >= names.size()) return false;
      zone.kinds_.push_back({static_cast<int>(BigEndian(kind.substr(0, 4))), kind[4] != 0,
                             std::string(names.substr(name, names.find('\0', name) - name))});
    }
    for (std::size_t i = 0; i < header.transitions; ++i) {
      const auto kind = static_cast<std::uint8_t>(indexes[i]);
      if (kind >= header.kinds) return false;
      zone.transitions_.push_back(BigEndian(times.substr(i * 8, 8)));
      zone.kind_after_.push_back(kind);
    }
    // Before the first transition: the first kind that is no summer time.
    while (zone.first_kind_ + 1 < zone.kinds_.size() &&
           zone.kinds_[zone.first_kind_].daylight_saving) {
      ++zone.first_kind_;
    }
    return true;
  }

  std::string_view bytes_;
  bool ok_ = true;
};

Zone::Zone(std::string name, int offset_seconds) : name_(std::move(name)) {
  kinds_.push_back({offset_seconds, false, name_});
}

const Zone* Zone::Find(std::string_view name) {
  static const Zone utc("UTC", 0);
  if (name.empty() || name == "UTC" || name == "Local") return &utc;
  const bool outside = name.find("..") != std::string_view::npos || name[0] == '/' ||
                       name.find('\\') != std::string_view::npos ||
                       name.find('\0') != std::string_view::npos;
  if (outside || name.size() > 100) return nullptr;
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<Zone>, std::less<>> zones;
  const std::lock_guard lock(mutex);
  const auto known = zones.find(name);
  if (known != zones.end()) return known->second.get();
  std::ifstream file("/usr/share/zoneinfo/" + std::string(name), std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  auto zone = std::unique_ptr<Zone>(new Zone(std::string(name)));
  // Only names that exist are kept: they are few.
  if (!ZoneReader(bytes).Read(*zone)) return nullptr;
  return zones.emplace(std::string(name), std::move(zone)).first->second.get();
}

Offset Zone::At(std::int64_t seconds) const {
  const auto after = std::upper_bound(transitions_.begin(), transitions_.end(), seconds);
  if (after == transitions_.end() && rule_.present) return AtByRule(seconds);
  std::size_t kind = first_kind_;
  if (after != transitions_.begin()) {
    kind = kind_after_[static_cast<std::size_t>(after - transitions_.begin()) - 1];
  }
  const Kind& found = kinds_[kind];
  return {found.seconds, found.abbreviation, found.daylight_saving};
}

std::int64_t Zone::ToUtc(std::int64_t local) const {
  const std::int64_t guess = local - At(local).seconds;
  return local - At(guess).seconds;
}

std::int64_t Zone::SecondOf(const ChangeDay& day, std::int64_t year) {
  const std::int64_t january = DaysOf(year, 1, 1);
  std::int64_t days = january + day.day;
  if (day.form == 'J') {
    const bool leap = DaysOf(year + 1, 1, 1) - january == 366;
    days = january + day.day - 1 + (leap && day.day >= 60 ? 1 : 0);
  } else if (day.form == 'M') {
    const std::int64_t first = DaysOf(year, day.month, 1);
    const std::int64_t weekday = ((first + 4) % 7 + 7) % 7;
    days = first + (day.day - weekday + 7) % 7 + std::int64_t{7} * (day.week - 1);
    if (days >= DaysOf(year, day.month + 1, 1)) days -= 7;
  }
  return days * kDaySeconds + day.second;
}

Offset Zone::AtByRule(std::int64_t seconds) const {
  const auto of = [](const Kind& kind) {
    return Offset{kind.seconds, kind.abbreviation, kind.daylight_saving};
  };
  if (!rule_.has_summer) return of(rule_.standard);
  Time time;
  time.seconds = seconds + rule_.standard.seconds;
  const std::int64_t year = time.Civil().year;
  const std::int64_t begin = SecondOf(rule_.begin, year) - rule_.standard.seconds;
  const std::int64_t end = SecondOf(rule_.end, year) - rule_.summer.seconds;
  const bool between = seconds >= std::min(begin, end) && seconds < std::max(begin, end);
  return of(between == (begin < end) ? rule_.summer : rule_.standard);
}

}  // namespace penstock::expr
