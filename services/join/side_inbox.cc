#include "join/side_inbox.h"

#include <utility>

#include "base/format.h"
#include "base/patience.h"
#include "base/thread.h"

namespace penstock::join {

namespace {

constexpr auto kReadWait = std::chrono::seconds(1);
constexpr std::size_t kReadBytes = 256 << 10;

}  // namespace

SideInbox::SideInbox(Options options, Parts parts)
    : options_(std::move(options)), parts_(std::move(parts)) {
  for (std::size_t side = 0; side < threads_.size(); ++side) {
    threads_[side] =
        StartThread(fmt::format("{}-{}", options_.name, side == 0 ? "left" : "right"),
                    [this, side](std::stop_token stop) { Read(side, std::move(stop)); });
  }
}

SideInbox::~SideInbox() {
  for (std::jthread& thread : threads_) thread.request_stop();
}

void SideInbox::Read(std::size_t side, std::stop_token stop) {
  const auto reader = parts_.streams.ReadFrom(options_.streams[side], options_.from[side]);
  while (!stop.stop_requested()) {
    auto read = WithPatience(parts_.clock, stop, parts_.waits, [&] {
      return reader->Read(kReadBytes, parts_.clock.Now() + kReadWait, stop);
    });
    std::unique_lock lock(mutex_);
    if (!read.ok()) {
      if (read.error().code != kStopped.code) failure_ = read.error();
      changed_.notify_all();
      return;
    }
    for (io::StreamMessage& message : std::move(read).value()) {
      bytes_[side] += message.data.size();
      messages_[side].push_back(std::move(message));
    }
    changed_.notify_all();
    changed_.wait(lock, stop, [&] { return bytes_[side] < options_.held_bytes; });
  }
}

std::optional<SideInbox::Taken> SideInbox::Take(const Choose& choose, Clock::Time deadline,
                                                std::stop_token stop) {
  std::unique_lock lock(mutex_);
  std::optional<Side> chosen;
  changed_.wait_until(lock, std::move(stop), deadline, [&] {
    chosen = choose(!messages_[0].empty(), !messages_[1].empty());
    return chosen || failure_;
  });
  if (!chosen) return std::nullopt;
  const auto side = static_cast<std::size_t>(*chosen);
  Taken taken{*chosen, std::move(messages_[side].front())};
  messages_[side].pop_front();
  bytes_[side] -= taken.message.data.size();
  changed_.notify_all();
  return taken;
}

std::optional<Error> SideInbox::failure() const {
  std::lock_guard lock(mutex_);
  return failure_;
}

}  // namespace penstock::join
