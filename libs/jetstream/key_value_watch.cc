#include "jetstream/key_value_watch.h"

#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "base/backoff.h"
#include "base/format.h"
#include "base/thread.h"
#include "base/wait.h"

namespace penstock::jetstream {
namespace {

constexpr std::size_t kReadBytes = std::size_t{1} << 20;
constexpr std::chrono::seconds kReadFor{30};
constexpr std::chrono::milliseconds kFirstRetry{50};
constexpr std::chrono::milliseconds kMostRetry{2'000};

/// "$KV.b.sink.>" for the prefix "sink.3": wildcards stand for whole tokens.
std::string FilterFor(const std::string& subject_prefix, const std::string& prefix) {
  const std::size_t dot = prefix.rfind('.');
  return subject_prefix + (dot == prefix.npos ? "" : prefix.substr(0, dot + 1)) + ">";
}

}  // namespace

KeyValueWatch::KeyValueWatch(Bus& bus, io::KeyValue& bucket, const std::string& stream,
                             const std::string& subject_prefix, const std::string& prefix,
                             io::KeyValue::ChangeCallback on_change)
    : bus_(bus),
      bucket_(bucket),
      stream_(stream),
      subject_prefix_(subject_prefix),
      prefix_(prefix),
      on_change_(std::move(on_change)) {
  thread_ = StartThread("nats-watch", [this](std::stop_token stop) { Run(std::move(stop)); });
}

void KeyValueWatch::Run(std::stop_token stop) {
  Backoff backoff(kFirstRetry, kMostRetry);
  while (!stop.stop_requested()) {
    if (TellVanished()) {
      StreamReader reader(bus_, stream_, FilterFor(subject_prefix_, prefix_), StreamSeq(1));
      for (;;) {
        Result<std::vector<StreamReader::Delivered>> read =
            reader.ReadDelivered(kReadBytes, bus_.clock().Now() + kReadFor, stop);
        if (stop.stop_requested()) return;
        // The bucket is gone or another one; from its start, then.
        if (!read.ok()) break;
        for (const StreamReader::Delivered& delivered : read.value()) {
          if (stop.stop_requested()) return;
          Tell(delivered);
        }
        if (!read.value().empty()) backoff.Reset();
      }
    }
    WaitUntil(bus_.clock().Now() + backoff.Next(), stop);
  }
}

bool KeyValueWatch::TellVanished() {
  for (auto key = known_.begin(); key != known_.end();) {
    const Result<std::optional<io::KeyValueEntry>> entry = bucket_.Get(*key);
    if (!entry.ok()) return false;
    if (entry.value().has_value()) {
      ++key;
      continue;
    }
    on_change_(*key, std::nullopt);
    key = known_.erase(key);
  }
  return true;
}

void KeyValueWatch::Tell(const StreamReader::Delivered& delivered) {
  std::string_view key = SubjectOf(delivered.message);
  if (!key.starts_with(subject_prefix_)) return;
  key.remove_prefix(subject_prefix_.size());
  if (!key.starts_with(prefix_)) return;
  const std::string name(key);
  // "DEL" or "PURGE", whoever wrote it.
  if (!HeaderOf(delivered.message, "KV-Operation").empty()) {
    known_.erase(name);
    on_change_(name, std::nullopt);
    return;
  }
  known_.insert(name);
  on_change_(name, io::KeyValueEntry{std::string(DataOf(delivered.message)), delivered.seq.rep()});
}

}  // namespace penstock::jetstream
