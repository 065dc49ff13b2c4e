#include "support/fake_key_value.h"

#include <algorithm>
#include <condition_variable>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "base/format.h"
#include "base/thread.h"

namespace penstock::testing {
namespace {

struct Slot {
  io::KeyValueEntry entry;
  bool removed = false;
};

Error Lost(std::string_view operation, const std::string& key) {
  return {Remedy::kRetry, "unavailable", fmt::format("{} {}: scripted", operation, key)};
}
Error Refused(std::string_view operation, const std::string& key) {
  return {Remedy::kStop, "refused", fmt::format("{} {}: scripted", operation, key)};
}

Error NoKey(const std::string& key) {
  return {Remedy::kStop, "refused", fmt::format("'{}' is not a key", key)};
}

/// What a real bucket takes as a key: tokens of these characters with dots between.
bool IsKey(std::string_view key) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-/_=.";
  return !key.empty() && key.front() != '.' && key.back() != '.' && key.find("..") == key.npos &&
         key.find_first_not_of(kAllowed) == key.npos;
}

}  // namespace

/// The keys, and the watches to tell. Without faults.
class FakeKeyValue::Bucket {
 public:
  explicit Bucket(Telling told) : telling(told) {}

  /// `expected`: the key's revision, 0: it must not exist, none: whatever it is.
  Result<std::uint64_t> Put(const std::string& key, std::string_view value,
                            std::optional<std::uint64_t> expected, bool removed) {
    std::lock_guard lock(mutex);
    if (deleted) {
      return Error{Remedy::kRetry, "unavailable", fmt::format("nobody answers to {}", key)};
    }
    const auto found = slots.find(key);
    const bool exists = found != slots.end() && !(expected == 0 && found->second.removed);
    const std::uint64_t revision = exists ? found->second.entry.revision : 0;
    if (expected.has_value() && *expected != revision) {
      return Error{Remedy::kStop, "conflict",
                   fmt::format("{}: revision {} instead of {}", key, revision, *expected)};
    }
    slots[key] = {{std::string(value), ++last_revision}, removed};
    changed.notify_all();
    return last_revision;
  }

  const Telling telling;
  std::mutex mutex;
  std::condition_variable_any changed;
  std::map<std::string, Slot> slots;
  std::uint64_t last_revision = 0;
  std::uint64_t lost = 0;  ///< How often everything was lost.
  bool deleted = false;
  std::vector<FakeWatch*> watches;
};

class FakeKeyValue::FakeWatch final : public io::KeyValue::Watch {
 public:
  FakeWatch(std::shared_ptr<Bucket> bucket, std::string prefix, ChangeCallback on_change)
      : bucket_(std::move(bucket)), prefix_(std::move(prefix)), on_change_(std::move(on_change)) {
    if (bucket_->telling == Telling::kThread) {
      thread_ = StartThread("fake-watch", [this](std::stop_token stop) { Run(std::move(stop)); });
      return;
    }
    std::lock_guard lock(bucket_->mutex);
    bucket_->watches.push_back(this);
  }
  ~FakeWatch() override {
    std::lock_guard lock(bucket_->mutex);
    std::erase(bucket_->watches, this);
  }

  /// Tells one change; false when there is none. `lock` is on the bucket's mutex.
  bool TellOne(std::unique_lock<std::mutex>& lock) {
    if (lost_ != bucket_->lost) {
      lost_ = bucket_->lost;
      heard_.clear();
      vanished_.swap(known_);
    }
    const Slot* oldest = nullptr;
    std::string key;
    for (const auto& [name, slot] : bucket_->slots) {
      if (!name.starts_with(prefix_) || heard_[name] >= slot.entry.revision) continue;
      if (oldest == nullptr || slot.entry.revision < oldest->entry.revision) {
        oldest = &slot;
        key = name;
      }
    }
    std::optional<io::KeyValueEntry> entry;
    if (oldest != nullptr) {
      heard_[key] = oldest->entry.revision;
      if (!oldest->removed) entry = oldest->entry;
    } else if (!vanished_.empty()) {
      key = vanished_.begin()->first;
    } else {
      return false;
    }
    vanished_.erase(key);
    known_[key] = true;
    lock.unlock();
    on_change_(key, entry);
    lock.lock();
    return true;
  }

 private:
  void Run(std::stop_token stop) {
    std::unique_lock lock(bucket_->mutex);
    while (!stop.stop_requested()) {
      if (!TellOne(lock)) bucket_->changed.wait(lock, stop, [&] { return HasNews(); });
    }
  }
  bool HasNews() {
    if (lost_ != bucket_->lost) return true;
    return std::any_of(bucket_->slots.begin(), bucket_->slots.end(), [&](const auto& slot) {
      return slot.first.starts_with(prefix_) && heard_[slot.first] < slot.second.entry.revision;
    });
  }

  std::shared_ptr<Bucket> bucket_;
  const std::string prefix_;
  const ChangeCallback on_change_;
  std::map<std::string, std::uint64_t> heard_;
  std::map<std::string, bool> known_;
  std::map<std::string, bool> vanished_;
  std::uint64_t lost_ = 0;
  std::jthread thread_;
};

FakeKeyValue::FakeKeyValue(Telling telling) : bucket_(std::make_shared<Bucket>(telling)) {}
FakeKeyValue::FakeKeyValue(FakeKeyValue& bucket) : bucket_(bucket.bucket_) {}
FakeKeyValue::~FakeKeyValue() = default;

Result<std::optional<io::KeyValueEntry>> FakeKeyValue::Get(const std::string& key) {
  if (!IsKey(key)) return NoKey(key);
  const FaultKind fault = faults_.Next("Get", key);
  if (fault == FaultKind::kRefused) return Refused("Get", key);
  if (fault != FaultKind::kNone) return Lost("Get", key);
  std::lock_guard lock(bucket_->mutex);
  if (bucket_->deleted) return Error{Remedy::kStop, "not_found", "the bucket is gone"};
  const auto found = bucket_->slots.find(key);
  if (found == bucket_->slots.end() || found->second.removed) {
    return std::optional<io::KeyValueEntry>();
  }
  return std::optional(found->second.entry);
}

Result<std::uint64_t> FakeKeyValue::Meet(std::string_view operation, const std::string& key,
                                         std::function<Result<std::uint64_t>()> write) {
  if (!IsKey(key)) return NoKey(key);
  const FaultKind fault = faults_.Next(operation, key);
  if (fault == FaultKind::kNone) return write();
  if (fault == FaultKind::kRefused) return Refused(operation, key);
  if (fault == FaultKind::kLostAnswer) {
    [[maybe_unused]] const Result<std::uint64_t> lost = write();
  } else if (fault == FaultKind::kLate) {
    std::lock_guard lock(mutex_);
    late_.push_back(std::move(write));
  }
  return Lost(operation, key);
}

Result<std::uint64_t> FakeKeyValue::Create(const std::string& key, std::string_view value) {
  return Meet("Create", key, [bucket = bucket_, key, value = std::string(value)] {
    return bucket->Put(key, value, 0, false);
  });
}

Result<std::uint64_t> FakeKeyValue::Update(const std::string& key, std::string_view value,
                                           std::uint64_t revision) {
  return Meet("Update", key, [bucket = bucket_, key, value = std::string(value), revision] {
    return bucket->Put(key, value, revision, false);
  });
}

Status FakeKeyValue::Remove(const std::string& key) {
  Result<std::uint64_t> removed = Meet(
      "Remove", key, [bucket = bucket_, key] { return bucket->Put(key, {}, std::nullopt, true); });
  if (!removed.ok()) return std::move(removed).error();
  return Done();
}

Result<std::unique_ptr<io::KeyValue::Watch>> FakeKeyValue::WatchPrefix(const std::string& prefix,
                                                                       ChangeCallback on_change) {
  return std::unique_ptr<Watch>(std::make_unique<FakeWatch>(bucket_, prefix, std::move(on_change)));
}

void FakeKeyValue::ApplyLate() {
  std::vector<std::function<Result<std::uint64_t>()>> late;
  {
    std::lock_guard lock(mutex_);
    late.swap(late_);
  }
  for (const auto& write : late) {
    [[maybe_unused]] const Result<std::uint64_t> unheard = write();
  }
}

void FakeKeyValue::TellWatches() {
  std::unique_lock lock(bucket_->mutex);
  for (bool told = true; told;) {
    told = false;
    // A callback may end or begin watches.
    const std::vector<FakeWatch*> watches = bucket_->watches;
    for (FakeWatch* watch : watches) {
      const bool there = std::find(bucket_->watches.begin(), bucket_->watches.end(), watch) !=
                         bucket_->watches.end();
      if (there && watch->TellOne(lock)) told = true;
    }
  }
}

void FakeKeyValue::LoseAll() {
  std::lock_guard lock(bucket_->mutex);
  bucket_->slots.clear();
  bucket_->last_revision = 0;
  ++bucket_->lost;
  bucket_->changed.notify_all();
}

void FakeKeyValue::Delete() {
  LoseAll();
  std::lock_guard lock(bucket_->mutex);
  bucket_->deleted = true;
}

void FakeKeyValue::Make() {
  std::lock_guard lock(bucket_->mutex);
  bucket_->deleted = false;
}

std::map<std::string, std::string> FakeKeyValue::Values() const {
  std::lock_guard lock(bucket_->mutex);
  std::map<std::string, std::string> values;
  for (const auto& [key, slot] : bucket_->slots) {
    if (!slot.removed) values[key] = slot.entry.value;
  }
  return values;
}

}  // namespace penstock::testing
