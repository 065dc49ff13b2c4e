#include "stage/lease_keeper.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "protocol/names.h"

namespace penstock::stage {

namespace {

// What did not succeed is tried again so often in a heartbeat.
constexpr int kTriesPerBeat = 4;
// So many half heartbeats a name's entry must stand still before another process has the name.
constexpr int kHalfBeatsOfSilence = 5;
// Without an answer for so many heartbeats nothing is known of the others' silence.
constexpr int kBlindBeats = 2;

bool MayComeBack(const Error& error) {
  return error.remedy == Remedy::kRetry || error.code == "not_found";
}

}  // namespace

LeaseKeeper::LeaseKeeper(Options options, Parts parts)
    : options_(std::move(options)),
      parts_(std::move(parts)),
      my_key_(protocol::MemberKey(options_.stage, options_.replica)),
      answered_at_(parts_.clock.Now()),
      shards_(options_.shards),
      log_(std::chrono::minutes(1), parts_.clock) {}

// --- What is told --------------------------------------------------------------------------

void LeaseKeeper::Told(const std::string& key, const std::optional<io::KeyValueEntry>& entry) {
  const std::string members = protocol::MemberPrefix(options_.stage);
  const std::string leases = protocol::LeasePrefix(options_.stage);
  if (key.starts_with(members)) ToldMember(key.substr(members.size()), entry);
  if (key.starts_with(leases)) ToldLease(key.substr(leases.size()), entry);
}

void LeaseKeeper::ToldMember(const std::string& name,
                             const std::optional<io::KeyValueEntry>& entry) {
  const auto told = entry ? DecodeMember(entry->value) : std::nullopt;
  if (name == options_.replica) {
    if (told && told->incarnation == options_.incarnation) {
      sees_everybody_ = true;
    } else if (claimed_) {
      my_revision_.reset();
      next_beat_ = {};
    }
    return;
  }
  const auto known = members_.find(name);
  if (told && (known == members_.end() || known->second.entry != *told || known->second.removed)) {
    members_[name] = {.entry = *told, .changed_at = parts_.clock.Now()};
  } else if (!entry && known != members_.end()) {
    known->second.removed = true;
  } else if (entry && !told) {
    Log(LogLevel::kWarn, "A member's entry in the bucket is not one of ours: ignored.",
        {{"stage", options_.stage}, {"member", name}});
  }
}

void LeaseKeeper::ToldLease(const std::string& number,
                            const std::optional<io::KeyValueEntry>& entry) {
  std::uint32_t shard = 0;
  const char* const number_end = number.data() + number.size();
  const auto [end, error] = std::from_chars(number.data(), number_end, shard);
  if (error != std::errc() || end != number_end || shard >= shards_.size()) return;
  View& view = shards_[shard].view;
  // An echo of a write that has since been overwritten, or a bucket that was made anew.
  if (!entry || entry->revision < view.revision) {
    view.doubtful = true;
  } else if (entry->revision > view.revision) {
    SetView(ShardId(shard), entry);
  }
}

void LeaseKeeper::SetView(ShardId shard, const std::optional<io::KeyValueEntry>& entry) {
  auto lease = entry ? DecodeLease(entry->value) : std::nullopt;
  if (entry && !lease) {
    Log(LogLevel::kWarn, "A lease in the bucket is not one of ours: taken as nobody's.",
        {{"stage", options_.stage}, {"shard", shard}});
  }
  At(shard).view = {.lease = std::move(lease),
                    .revision = entry ? entry->revision : 0,
                    .doubtful = false,
                    .looked_at = parts_.clock.Now()};
  StopIfLost(shard);
}

void LeaseKeeper::StopIfLost(ShardId shard) {
  Shard& here = At(shard);
  if (here.state != State::kWorking && here.state != State::kGivingUp) return;
  if (!IsOthers(here.view)) return;
  parts_.lost.Add();
  Log(LogLevel::kWarn, "Another replica has taken a shard of this one.",
      {{"stage", options_.stage}, {"shard", shard}, {"owner", here.view.lease->owner}});
  here.state = State::kLost;
  change_.lost.push_back(shard);
}

void LeaseKeeper::Ended(ShardId shard) {
  Shard& ended = At(shard);
  if (ended.state == State::kElsewhere) return;
  // One that ended without being asked to is not taken again at once.
  if (ended.state == State::kWorking) {
    ended.not_before = parts_.clock.Now() + options_.times.heartbeat;
  }
  ended.state = State::kEnded;
}

// --- The bucket ----------------------------------------------------------------------------

// Whoever could not see, or was not running itself, has no idea how long the others were silent.
void LeaseKeeper::Answered() {
  const Clock::Time now = parts_.clock.Now();
  if (now - answered_at_ > kBlindBeats * options_.times.heartbeat) {
    for (auto& [name, member] : members_) member.changed_at = now;
  }
  answered_at_ = now;
}

Result<std::optional<io::KeyValueEntry>> LeaseKeeper::Look(const std::string& key) {
  auto entry = parts_.bucket.Get(key);
  if (entry.ok()) Answered();
  return entry;
}

Result<std::uint64_t> LeaseKeeper::Write(const std::string& key, std::string_view value,
                                         std::uint64_t revision) {
  auto written =
      revision == 0 ? parts_.bucket.Create(key, value) : parts_.bucket.Update(key, value, revision);
  if (written.ok() || written.error().code == "conflict") Answered();
  return written;
}

Result<bool> LeaseKeeper::Swap(ShardId shard, const LeaseEntry& lease) {
  View& view = At(shard).view;
  view.doubtful = true;  // Until its answer.
  const std::string value = EncodeLease(lease);
  const auto written = Write(protocol::LeaseKey(options_.stage, shard), value, view.revision);
  if (written.ok()) {
    SetView(shard, io::KeyValueEntry{value, written.value()});
    return true;
  }
  if (written.error().code != "conflict") return written.error();
  again_ = true;
  return false;
}

// --- A step --------------------------------------------------------------------------------

Status LeaseKeeper::Step() {
  again_ = false;
  Status done = DoWhatIsDue();
  const Clock::Duration soon = options_.times.heartbeat / kTriesPerBeat;
  next_ = claimed_ && !taken_from_us_ ? next_beat_ : Clock::Time::max();
  const bool gone = !done.ok() && done.error().code == "not_found";
  if (!done.ok() && MayComeBack(done.error())) {
    log_.Log(LogLevel::kWarn,
             "The leases in the bucket cannot be seen: going on with what we have.",
             {{"stage", options_.stage}, {"error", done.error().detail}});
    if (gone && was_gone_) MakeBucket();
    again_ = true;
    done = Done{};
  }
  was_gone_ = gone;
  if (again_) next_ = parts_.clock.Now() + soon;
  return done;
}

Status LeaseKeeper::DoWhatIsDue() {
  if (left_) return Done{};
  if (!claimed_) {
    if (leaving_) return left_ = true, Done{};
    PENSTOCK_RETURN_IF_ERROR(ClaimName());
    if (!claimed_) return again_ = true, Done{};
  } else if (!taken_from_us_ && parts_.clock.Now() >= next_beat_) {
    PENSTOCK_RETURN_IF_ERROR(Beat());
  }
  if (!sees_everybody_ && !leaving_) return Done{};
  PENSTOCK_RETURN_IF_ERROR(DropGoneMembers());
  CountLiveMembers();
  for (std::uint32_t shard = 0; shard < options_.shards; ++shard) {
    PENSTOCK_RETURN_IF_ERROR(Tend(ShardId(shard)));
  }
  if (leaving_) PENSTOCK_RETURN_IF_ERROR(SayGoodbye());
  return taken_from_us_ && !left_ ? Status(NameTaken()) : Status(Done{});
}

// What was in it comes back by itself: every replica says again that it is there and what it has.
void LeaseKeeper::MakeBucket() {
  const Status made = parts_.make_bucket();
  if (!made.ok()) return;
  Log(LogLevel::kWarn, "The bucket was gone: it is made again, empty.",
      {{"stage", options_.stage}});
}

// A process that was killed leaves its entry behind, and so does one that lives: they are told
// apart by whether the entry moves.
Status LeaseKeeper::ClaimName() {
  PENSTOCK_ASSIGN_OR_RETURN(const auto entry, Look(my_key_));
  const auto found = entry ? DecodeMember(entry->value) : std::nullopt;
  const Clock::Time now = parts_.clock.Now();
  if (found && found->incarnation != options_.incarnation) {
    const bool moves = predecessor_ && predecessor_->incarnation == found->incarnation &&
                       predecessor_->beat != found->beat;
    if (moves && !found->leaving) return NameTaken();
    if (predecessor_ != found) {
      predecessor_ = found;
      predecessor_seen_ = now;
    }
    if (now < predecessor_seen_ + kHalfBeatsOfSilence * options_.times.heartbeat / 2) return Done{};
  }
  const auto written = Write(my_key_, EncodeMember(Me()), entry ? entry->revision : 0);
  if (!written.ok() && written.error().code == "conflict") return Done{};
  if (!written.ok()) return written.error();
  claimed_ = true;
  my_revision_ = written.value();
  next_beat_ = now + options_.times.heartbeat;
  return Done{};
}

Error LeaseKeeper::NameTaken() const {
  return Error{Remedy::kStop, "name_taken",
               fmt::format("another live process of stage {} is called {}, too: give each replica "
                           "a --replica-name of its own",
                           options_.stage, options_.replica)};
}

Status LeaseKeeper::Beat() {
  if (!my_revision_) {
    PENSTOCK_ASSIGN_OR_RETURN(const auto entry, Look(my_key_));
    const auto found = entry ? DecodeMember(entry->value) : std::nullopt;
    if (found && found->incarnation != options_.incarnation) {
      taken_from_us_ = true;
      return Done{};
    }
    my_revision_ = entry ? entry->revision : 0;
    if (!entry) vanished_at_ = parts_.clock.Now();
  }
  ++beat_;
  const auto written =
      Write(my_key_, EncodeMember(Me()), std::exchange(my_revision_, std::nullopt).value());
  if (!written.ok() && written.error().code == "conflict") return again_ = true, Done{};
  if (!written.ok()) return written.error();
  my_revision_ = written.value();
  next_beat_ = parts_.clock.Now() + options_.times.heartbeat;
  return Done{};
}

// --- The others ----------------------------------------------------------------------------

Status LeaseKeeper::DropGoneMembers() {
  for (auto member = members_.begin(); member != members_.end();) {
    PENSTOCK_ASSIGN_OR_RETURN(const bool gone, IsGone(member->first, member->second));
    member = gone ? members_.erase(member) : std::next(member);
  }
  return Done{};
}

// Whoever finds a member silent for too long takes its entry away, so that those who come later
// need not wait to find out.
Result<bool> LeaseKeeper::IsGone(const std::string& name, Member& member) {
  const Clock::Time now = parts_.clock.Now();
  if (member.removed && member.entry.leaving) return true;
  if (member.removed) {
    // By somebody who found it gone; unless ours vanished, too, and with it the bucket.
    PENSTOCK_ASSIGN_OR_RETURN(const auto ours, Look(my_key_));
    if (ours && now - vanished_at_ >= options_.times.gone_after) return true;
    member.removed = false;
    member.changed_at = now;
  }
  if (now - member.changed_at < options_.times.gone_after) return false;
  const std::string key = protocol::MemberKey(options_.stage, name);
  PENSTOCK_ASSIGN_OR_RETURN(const auto entry, Look(key));
  const auto found = entry ? DecodeMember(entry->value) : std::nullopt;
  // The first answer after a time without one forgets how long it was silent.
  if (now - member.changed_at < options_.times.gone_after) return false;
  if (found && *found != member.entry) {
    member = {.entry = *found, .changed_at = now};
    return false;
  }
  Log(LogLevel::kWarn, "A replica is gone: its shards go to the others.",
      {{"stage", options_.stage}, {"member", name}});
  if (entry) PENSTOCK_RETURN_IF_ERROR(parts_.bucket.Remove(key));
  return true;
}

void LeaseKeeper::CountLiveMembers() {
  live_.clear();
  for (const auto& [name, member] : members_) {
    if (!member.entry.leaving) live_.push_back(name);
  }
  if (!leaving_ && !taken_from_us_) {
    live_.insert(std::ranges::upper_bound(live_, options_.replica), options_.replica);
  }
  const auto mine = std::ranges::find(live_, options_.replica) - live_.begin();
  const bool idle = mine >= static_cast<std::ptrdiff_t>(options_.shards);
  if (leaving_ || idle_ == idle) return;
  if (idle) {
    Log(LogLevel::kWarn, "More replicas than shards: this one has nothing to do for now.",
        {{"stage", options_.stage}, {"replicas", live_.size()}, {"shards", options_.shards}});
  }
  idle_ = idle;
  parts_.idle.Set(idle);
}

bool LeaseKeeper::IsTarget(ShardId shard) const {
  return !live_.empty() && live_[shard.rep() % live_.size()] == options_.replica;
}

// --- A shard -------------------------------------------------------------------------------

bool LeaseKeeper::IsMine(const View& view) const {
  return view.lease && view.lease->owner == options_.replica &&
         view.lease->incarnation == options_.incarnation;
}

bool LeaseKeeper::IsOthers(const View& view) const {
  return view.lease && !view.lease->owner.empty() && !IsMine(view);
}

Status LeaseKeeper::Tend(ShardId shard) {
  Shard& here = At(shard);
  const bool matters = here.state != State::kElsewhere || IsTarget(shard);
  const bool old = parts_.clock.Now() - here.view.looked_at >= options_.times.gone_after;
  if (matters && (here.view.doubtful || old)) {
    PENSTOCK_ASSIGN_OR_RETURN(const auto entry, Look(protocol::LeaseKey(options_.stage, shard)));
    SetView(shard, entry);
  }
  switch (here.state) {
    case State::kElsewhere:
      return TendElsewhere(shard);
    case State::kWorking:
      return TendWorking(shard);
    case State::kGivingUp:
    case State::kLost:
      return Done{};
    case State::kEnded:
      return Release(shard);
  }
  return Done{};
}

Status LeaseKeeper::TendElsewhere(ShardId shard) {
  Shard& here = At(shard);
  // A write whose answer was lost has come through after all.
  if (IsMine(here.view) && !IsTarget(shard)) return Release(shard);
  if (!IsTarget(shard)) return Done{};
  if (parts_.clock.Now() < here.not_before) return again_ = true, Done{};
  return TryTake(shard);
}

Status LeaseKeeper::TendWorking(ShardId shard) {
  Shard& here = At(shard);
  if (!IsTarget(shard)) {
    here.state = State::kGivingUp;
    change_.give_up.push_back(shard);
  } else if (!IsMine(here.view)) {
    // Garbage, or gone with the bucket: it is ours until somebody else has it.
    const std::uint64_t term = here.view.lease ? here.view.lease->term : 0;
    PENSTOCK_RETURN_IF_ERROR(Swap(shard, {options_.replica, options_.incarnation, term + 1}));
  }
  return Done{};
}

Status LeaseKeeper::TryTake(ShardId shard) {
  Shard& here = At(shard);
  if (!IsMine(here.view)) {
    PENSTOCK_ASSIGN_OR_RETURN(const bool free, IsFree(here.view.lease));
    if (!free) return Done{};
    const std::uint64_t term = here.view.lease ? here.view.lease->term : 0;
    PENSTOCK_ASSIGN_OR_RETURN(const bool taken,
                              Swap(shard, {options_.replica, options_.incarnation, term + 1}));
    if (!taken) return Done{};
  }
  parts_.taken.Add();
  here.state = State::kWorking;
  change_.take.push_back(shard);
  return Done{};
}

Result<bool> LeaseKeeper::IsFree(const std::optional<LeaseEntry>& lease) {
  if (!lease || lease->owner.empty() || lease->owner == options_.replica) return true;
  const auto known = members_.find(lease->owner);
  if (known != members_.end() && known->second.entry.incarnation == lease->incarnation) {
    return false;
  }
  // The watch of the members may be behind that of the leases.
  PENSTOCK_ASSIGN_OR_RETURN(const auto entry,
                            Look(protocol::MemberKey(options_.stage, lease->owner)));
  const auto owner = entry ? DecodeMember(entry->value) : std::nullopt;
  if (!owner || owner->incarnation != lease->incarnation) return true;
  members_[lease->owner] = {.entry = *owner, .changed_at = parts_.clock.Now()};
  return again_ = true, false;
}

Status LeaseKeeper::Release(ShardId shard) {
  Shard& here = At(shard);
  if (IsMine(here.view)) {
    PENSTOCK_ASSIGN_OR_RETURN(const bool released, Swap(shard, {"", "", here.view.lease->term}));
    if (!released) return Done{};
    parts_.released.Add();
  }
  here.state = State::kElsewhere;
  // If it is ours again already, it is taken with the next step.
  if (IsTarget(shard)) again_ = true;
  return Done{};
}

Status LeaseKeeper::SayGoodbye() {
  const bool released = std::ranges::all_of(shards_, [&](const Shard& shard) {
    return shard.state == State::kElsewhere && !IsMine(shard.view);
  });
  if (!released) return Done{};
  if (!taken_from_us_) {
    PENSTOCK_ASSIGN_OR_RETURN(const auto entry, Look(my_key_));
    const auto found = entry ? DecodeMember(entry->value) : std::nullopt;
    if (found && found->incarnation == options_.incarnation) {
      PENSTOCK_RETURN_IF_ERROR(parts_.bucket.Remove(my_key_));
    }
  }
  left_ = true;
  return Done{};
}

}  // namespace penstock::stage
