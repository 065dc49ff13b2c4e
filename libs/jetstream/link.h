#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/result.h"
#include "jetstream/connection.h"
#include "jetstream/nats_handles.h"

namespace penstock::jetstream {

struct Header {
  const char* name;
  std::string value;
};

/// One message to send; all borrowed for the call.
struct Outgoing {
  const std::string& subject;
  std::string_view data;
  std::span<const Header> headers = {};
};

/// What a link tells; called from threads of the C library, one call at a time for messages, one
/// at a time for the rest.
class LinkListener {
 public:
  virtual ~LinkListener() = default;
  /// `token` is what Send was given for the answers; empty for a message of a stream.
  virtual void OnMessage(std::string_view token, MessageHandle message) = 0;
  /// Answers to what was sent before will not come.
  virtual void OnLost(const std::string& why) = 0;
  /// The server complained without saying about which message (a permission is missing).
  virtual void OnComplaint(const std::string& text) = 0;
};

/// The connection itself: sends, and hands on everything that arrives below its own inbox. The C
/// library reconnects by itself; where it gives up for good (refused twice), a thread of the link
/// connects anew for as long as the link lives. Thread-safe.
class Link {
 public:
  static Result<std::unique_ptr<Link>> Connect(NatsOptions options, const Clock& clock,
                                               LinkListener& listener);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Ends the connection: nothing is told after it, sending fails.
  void Close();

  /// Writes the message to the socket before it returns. Answers come with `token`; no
  /// token: no answer is wanted. Waits while the socket is full, at most kWriteDeadline.
  Status Send(const Outgoing& message, std::string_view token);

  std::size_t max_payload() const { return max_payload_.load(std::memory_order_relaxed); }
  /// True when it is connected in the end.
  bool WaitConnected(Clock::Time deadline, std::stop_token stop);
  ConnectionState State() const;

 private:
  struct Session;
  using SessionPtr = std::shared_ptr<Session>;  // Shared by the link and the calls that send.

  Link(NatsOptions options, const Clock& clock, LinkListener& listener);
  Result<SessionPtr> OpenSession();
  void EndSession(Session& session);
  void Adopt(SessionPtr session);
  void Renew(std::stop_token stop);
  SessionPtr Current() const;
  Status SendOver(Session& session, const Outgoing& message, const std::string& reply);
  Error NotConnected() const;

  void Deliver(MessageHandle message);
  void NoteConnected(Session& session);
  void NoteLost(Session& session);
  void NoteClosed(Session& session);
  void NoteDrained(Session& session);
  void NoteComplaint(const std::string& text);

  const NatsOptions options_;
  const std::string servers_;
  const std::string inbox_;
  const Clock& clock_;
  LinkListener& listener_;
  std::atomic<std::size_t> max_payload_{0};

  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  SessionPtr session_;
  bool connected_ = false;
  std::string last_error_;
  std::string url_;
  std::uint64_t reconnects_ = 0;
  std::jthread renewer_;
};

}  // namespace penstock::jetstream
