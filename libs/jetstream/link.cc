#include "jetstream/link.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/format.h"
#include "base/thread.h"
#include "jetstream/errors.h"
#include "jetstream/link_options.h"

namespace penstock::jetstream {
namespace {

constexpr std::chrono::milliseconds kFirstRenewal{250};
constexpr std::chrono::milliseconds kMostRenewal{5'000};

std::string MakeInbox() {
  natsInbox* raw = nullptr;
  const natsStatus status = natsInbox_Create(&raw);
  PENSTOCK_CHECK(status == NATS_OK, "the NATS client has no memory for an inbox");
  const Handle<natsInbox, natsInbox_Destroy> inbox(raw);
  return std::string(inbox.get());
}

/// "Name: value" and a line end for each, the version line and an empty line: as it is sent.
std::size_t EncodedSize(std::span<const Header> headers) {
  std::size_t size = headers.empty() ? 0 : 12;
  for (const Header& header : headers) {
    size += std::string_view(header.name).size() + header.value.size() + 4;
  }
  return size;
}

natsStatus PublishWithHeaders(natsConnection* connection, const Outgoing& message,
                              const char* reply) {
  natsMsg* raw = nullptr;
  natsStatus status = natsMsg_Create(&raw, message.subject.c_str(), reply, message.data.data(),
                                     static_cast<int>(message.data.size()));
  const MessageHandle made(raw);
  for (const Header& header : message.headers) {
    if (status == NATS_OK) status = natsMsgHeader_Set(raw, header.name, header.value.c_str());
  }
  return status == NATS_OK ? natsConnection_PublishMsg(connection, raw) : status;
}

}  // namespace

/// One connection of the C library, from its connect to its end. The library's threads hold its
/// address, so it is destroyed only after they said their last (`closed` and `drained`).
struct Link::Session {
  explicit Session(Link& owner) : link(owner) {}
  ~Session() {
    natsSubscription_Destroy(subscription);
    natsConnection_Destroy(connection);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Link& link;
  natsConnection* connection = nullptr;
  natsSubscription* subscription = nullptr;
  bool closed = false;   ///< Guarded by the link's mutex, as the next.
  bool drained = false;  ///< No further message will be handed on.

  static void Closed(natsConnection*, void* self) { Of(self).link.NoteClosed(Of(self)); }
  static void Disconnected(natsConnection*, void* self) { Of(self).link.NoteLost(Of(self)); }
  static void Reconnected(natsConnection*, void* self) { Of(self).link.NoteConnected(Of(self)); }
  static void Drained(void* self) { Of(self).link.NoteDrained(Of(self)); }
  static void Complained(natsConnection* connection, natsSubscription*, natsStatus status,
                         void* self) {
    const char* text = nullptr;
    natsConnection_GetLastError(connection, &text);
    const std::string_view why = ViewOf(text);
    Of(self).link.NoteComplaint(std::string(why.empty() ? natsStatus_GetText(status) : why));
  }
  static void Arrived(natsConnection*, natsSubscription*, natsMsg* message, void* self) {
    Of(self).link.Deliver(MessageHandle(message));
  }

 private:
  static Session& Of(void* self) { return *static_cast<Session*>(self); }
};

Link::Link(NatsOptions options, const Clock& clock, LinkListener& listener)
    : options_(std::move(options)),
      servers_(ServersForPeople(options_)),
      inbox_(MakeInbox()),
      clock_(clock),
      listener_(listener) {}

Result<std::unique_ptr<Link>> Link::Connect(NatsOptions options, const Clock& clock,
                                            LinkListener& listener) {
  std::unique_ptr<Link> link(new Link(std::move(options), clock, listener));
  PENSTOCK_ASSIGN_OR_RETURN(SessionPtr session, link->OpenSession());
  link->Adopt(std::move(session));
  link->renewer_ = StartThread(
      "nats-renew", [self = link.get()](std::stop_token stop) { self->Renew(std::move(stop)); });
  return link;
}

Link::~Link() {
  Close();
}

void Link::Close() {
  renewer_ = {};
  SessionPtr session = Current();
  {
    std::lock_guard lock(mutex_);
    session_.reset();
  }
  if (session != nullptr) EndSession(*session);
}

Result<Link::SessionPtr> Link::OpenSession() {
  PENSTOCK_ASSIGN_OR_RETURN(OptionsHandle made, MakeNatsOptions(options_));
  auto session = std::make_shared<Session>(*this);
  natsOptions_SetClosedCB(made.get(), &Session::Closed, session.get());
  natsOptions_SetDisconnectedCB(made.get(), &Session::Disconnected, session.get());
  natsOptions_SetReconnectedCB(made.get(), &Session::Reconnected, session.get());
  natsOptions_SetErrorHandler(made.get(), &Session::Complained, session.get());
  natsStatus status = natsConnection_Connect(&session->connection, made.get());
  if (status != NATS_OK) return ConnectError(status, servers_, options_);

  const std::string subject = inbox_ + ".>";
  status = natsConnection_Subscribe(&session->subscription, session->connection, subject.c_str(),
                                    &Session::Arrived, session.get());
  if (status == NATS_OK) {
    status =
        natsSubscription_SetOnCompleteCB(session->subscription, &Session::Drained, session.get());
  }
  // Without the callback nothing was subscribed, or it has ended before anybody knew its subject.
  session->drained = status != NATS_OK;
  // What may be on its way is bounded by what was asked for: requests and pulls.
  if (status == NATS_OK) status = natsSubscription_SetPendingLimits(session->subscription, -1, -1);
  if (status != NATS_OK) {
    EndSession(*session);
    return ConnectError(status, servers_, options_);
  }
  return session;
}

void Link::EndSession(Session& session) {
  natsConnection_Close(session.connection);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return session.closed && session.drained; });
}

void Link::Adopt(SessionPtr session) {
  {
    std::lock_guard lock(mutex_);
    session_ = session;
  }
  NoteConnected(*session);
}

void Link::Renew(std::stop_token stop) {
  Backoff backoff(kFirstRenewal, kMostRenewal);
  while (!stop.stop_requested()) {
    SessionPtr old;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, stop, [&] { return session_ == nullptr || session_->closed; });
      if (stop.stop_requested()) return;
      old = std::exchange(session_, nullptr);
    }
    if (old != nullptr) EndSession(*old);
    old.reset();
    Result<SessionPtr> opened = OpenSession();
    if (opened.ok()) {
      Adopt(std::move(opened).value());
      backoff.Reset();
      continue;
    }
    std::unique_lock lock(mutex_);
    last_error_ = opened.error().detail;
    changed_.wait_until(lock, stop, clock_.Now() + backoff.Next(), [] { return false; });
  }
}

Link::SessionPtr Link::Current() const {
  std::lock_guard lock(mutex_);
  return session_;
}

Status Link::Send(const Outgoing& message, std::string_view token) {
  const std::size_t size = message.data.size() + EncodedSize(message.headers);
  // The server would not just refuse a larger one, it would end the connection.
  if (const std::size_t most = max_payload(); size > most) {
    return TooLarge(fmt::format("{}: a message of {} bytes; the server's max_payload is {}",
                                message.subject, size, most));
  }
  // The server would end the connection for this, too; the C library does not look.
  if (message.subject.find_first_of(" \t\r\n") != std::string::npos) {
    return Refused(fmt::format("'{}' is not a subject", message.subject));
  }
  const SessionPtr session = Current();
  if (session == nullptr) return NotConnected();
  return SendOver(*session, message,
                  token.empty() ? std::string() : fmt::format("{}.{}", inbox_, token));
}

Status Link::SendOver(Session& session, const Outgoing& message, const std::string& reply) {
  natsConnection* connection = session.connection;
  if (natsConnection_Status(connection) != NATS_CONN_STATUS_CONNECTED) return NotConnected();
  const char* subject = message.subject.c_str();
  const char* to = reply.empty() ? nullptr : reply.c_str();
  natsStatus status = NATS_OK;
  if (!message.headers.empty()) {
    status = PublishWithHeaders(connection, message, to);
  } else if (to != nullptr) {
    status = natsConnection_PublishRequest(connection, subject, to, message.data.data(),
                                           static_cast<int>(message.data.size()));
  } else {
    status = natsConnection_Publish(connection, subject, message.data.data(),
                                    static_cast<int>(message.data.size()));
  }
  if (status == NATS_OK) return Done();
  if (status == NATS_INVALID_SUBJECT || status == NATS_INVALID_ARG) {
    return Refused(fmt::format("'{}' is not a subject", message.subject));
  }
  return Unavailable(
      fmt::format("{}: sending to {}: {}", servers_, message.subject, natsStatus_GetText(status)));
}

Error Link::NotConnected() const {
  std::lock_guard lock(mutex_);
  return Unavailable(fmt::format("not connected to {}: {}", servers_,
                                 last_error_.empty() ? "reconnecting" : last_error_));
}

void Link::Deliver(MessageHandle message) {
  std::string_view token = SubjectOf(message);
  // A message of a stream comes under its own subject.
  if (!token.starts_with(inbox_)) return listener_.OnMessage({}, std::move(message));
  token.remove_prefix(std::min(token.size(), inbox_.size() + 1));
  listener_.OnMessage(token, std::move(message));
}

bool Link::WaitConnected(Clock::Time deadline, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, stop, deadline, [&] { return connected_; });
}

ConnectionState Link::State() const {
  std::lock_guard lock(mutex_);
  return {connected_, url_, last_error_, reconnects_};
}

void Link::NoteConnected(Session& session) {
  std::array<char, 256> url{};
  natsConnection_GetConnectedUrl(session.connection, url.data(), url.size());
  NatsOptions shown;
  shown.urls.emplace_back(url.data());
  const std::int64_t payload = natsConnection_GetMaxPayload(session.connection);
  max_payload_ = payload > 0 ? static_cast<std::size_t>(payload) : std::size_t{1} << 20;
  std::lock_guard lock(mutex_);
  if (session_.get() != &session || session.closed) return;
  if (!connected_ && !url_.empty()) ++reconnects_;
  connected_ = true;
  last_error_.clear();
  if (url[0] != '\0') url_ = ServersForPeople(shown);
  changed_.notify_all();
}

void Link::NoteLost(Session& session) {
  const char* text = nullptr;
  const natsStatus status = natsConnection_GetLastError(session.connection, &text);
  std::string why;
  {
    std::lock_guard lock(mutex_);
    const std::string_view detail = ViewOf(text);
    why = fmt::format("the connection to {} was lost{}{}", url_.empty() ? servers_ : url_,
                      status == NATS_OK ? "" : ": ",
                      status == NATS_OK ? ""
                      : detail.empty()  ? std::string_view(natsStatus_GetText(status))
                                        : detail);
    if (session_.get() == &session) connected_ = false;
    last_error_ = why;
  }
  listener_.OnLost(why);
}

void Link::NoteClosed(Session& session) {
  std::lock_guard lock(mutex_);
  session.closed = true;
  if (session_.get() == &session) {
    connected_ = false;
    const char* text = nullptr;
    natsConnection_GetLastError(session.connection, &text);
    if (const std::string_view why = ViewOf(text); !why.empty()) last_error_ = why;
  }
  changed_.notify_all();
}

void Link::NoteDrained(Session& session) {
  std::lock_guard lock(mutex_);
  session.drained = true;
  changed_.notify_all();
}

void Link::NoteComplaint(const std::string& text) {
  {
    std::lock_guard lock(mutex_);
    last_error_ = text;
  }
  listener_.OnComplaint(text);
}

}  // namespace penstock::jetstream
