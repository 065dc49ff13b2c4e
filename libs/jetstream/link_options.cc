#include "jetstream/link_options.h"

#include <string_view>
#include <vector>

#include "base/format.h"
#include "jetstream/errors.h"

namespace penstock::jetstream {
namespace {

// Reconnecting: after this and up to as much again, so that replicas do not come in one moment.
constexpr std::int64_t kReconnectWaitMs = 100;
constexpr std::int64_t kReconnectJitterMs = 150;
// A server that does not answer is given up after this and kMaxPingsOut times more.
constexpr std::int64_t kPingIntervalMs = 5'000;
constexpr int kMaxPingsOut = 2;

/// The first failure of a series of calls, by the option that it set.
class Setter {
 public:
  void Set(std::string_view what, natsStatus status) {
    if (status == NATS_OK || status_ != NATS_OK) return;
    status_ = status;
    what_ = what;
    why_ = ViewOf(nats_GetLastError(nullptr));
  }
  Status Outcome() const {
    if (status_ == NATS_OK) return Done();
    return Refused(fmt::format("NATS option {}: {}{}{}", what_, natsStatus_GetText(status_),
                               why_.empty() ? "" : ": ", why_));
  }

 private:
  natsStatus status_ = NATS_OK;
  std::string what_;
  std::string why_;
};

void SetTls(Setter& setter, natsOptions* made, const NatsOptions& options) {
  const TlsOptions& tls = options.tls;
  if (!tls.enabled) return;
  setter.Set("tls", natsOptions_SetSecure(made, true));
  if (!tls.ca_file.empty()) {
    setter.Set("tls CA file " + tls.ca_file,
               natsOptions_LoadCATrustedCertificates(made, tls.ca_file.c_str()));
  }
  if (!tls.certificate_file.empty()) {
    setter.Set("tls certificate " + tls.certificate_file,
               natsOptions_LoadCertificatesChain(made, tls.certificate_file.c_str(),
                                                 tls.key_file.c_str()));
  }
  // Without a name the host of the URL is expected in the server's certificate.
  if (tls.skip_verification) {
    setter.Set("tls verification", natsOptions_SkipServerVerification(made, true));
  } else if (!tls.server_name.empty()) {
    setter.Set("tls server name", natsOptions_SetExpectedHostname(made, tls.server_name.c_str()));
  }
}

void SetIdentity(Setter& setter, natsOptions* made, const NatsOptions& options) {
  if (!options.name.empty()) setter.Set("name", natsOptions_SetName(made, options.name.c_str()));
  if (!options.user.empty()) {
    setter.Set("user",
               natsOptions_SetUserInfo(made, options.user.c_str(), options.password.c_str()));
  }
  if (!options.token.empty()) {
    setter.Set("token", natsOptions_SetToken(made, options.token.c_str()));
  }
  if (!options.credentials_file.empty()) {
    setter.Set(
        "credentials file " + options.credentials_file,
        natsOptions_SetUserCredentialsFromFiles(made, options.credentials_file.c_str(), nullptr));
  }
}

}  // namespace

Result<OptionsHandle> MakeNatsOptions(const NatsOptions& options) {
  if (options.urls.empty()) return Refused("no NATS server is named: nats.urls is empty");
  natsOptions* raw = nullptr;
  if (const natsStatus status = natsOptions_Create(&raw); status != NATS_OK) {
    return Unavailable(fmt::format("NATS client: {}", natsStatus_GetText(status)));
  }
  OptionsHandle made(raw);
  Setter setter;
  std::vector<const char*> urls;
  for (const std::string& url : options.urls) urls.push_back(url.c_str());
  setter.Set("urls " + ServersForPeople(options),
             natsOptions_SetServers(raw, urls.data(), static_cast<int>(urls.size())));
  SetIdentity(setter, raw, options);
  SetTls(setter, raw, options);
  setter.Set("timeout", natsOptions_SetTimeout(raw, options.connect_timeout.count()));
  setter.Set("reconnect", natsOptions_SetMaxReconnect(raw, -1));
  setter.Set("reconnect wait", natsOptions_SetReconnectWait(raw, kReconnectWaitMs));
  setter.Set("reconnect jitter",
             natsOptions_SetReconnectJitter(raw, kReconnectJitterMs, kReconnectJitterMs));
  // Nothing is kept back to be sent after a reconnect: by then its sender was told that it failed.
  setter.Set("reconnect buffer", natsOptions_SetReconnectBufSize(raw, 1));
  setter.Set("ping interval", natsOptions_SetPingInterval(raw, kPingIntervalMs));
  setter.Set("pings out", natsOptions_SetMaxPingsOut(raw, kMaxPingsOut));
  // Written by the caller at once: a batch is large, and its acknowledgement is waited for.
  setter.Set("send", natsOptions_SetSendAsap(raw, true));
  setter.Set("write deadline", natsOptions_SetWriteDeadline(raw, kWriteDeadline.count()));
  PENSTOCK_RETURN_IF_ERROR(setter.Outcome());
  return made;
}

std::string ServersForPeople(const NatsOptions& options) {
  std::string text;
  for (const std::string& url : options.urls) {
    if (!text.empty()) text += ", ";
    const auto scheme = url.find("://");
    const auto at = url.rfind('@');
    if (at == url.npos) {
      text += url;
    } else {
      text += url.substr(0, scheme == url.npos ? 0 : scheme + 3) + url.substr(at + 1);
    }
  }
  return text;
}

Error ConnectError(natsStatus status, const std::string& servers, const NatsOptions& options) {
  const std::string_view why = ViewOf(nats_GetLastError(nullptr));
  switch (status) {
    case NATS_CONNECTION_AUTH_FAILED:
      return Refused(
          fmt::format("{} does not let us in: {} (check user and password, token or credentials)",
                      servers, why.empty() ? "authorization violation" : why));
    case NATS_SECURE_CONNECTION_REQUIRED:
      return Refused(fmt::format("{} wants TLS: enable tls", servers));
    case NATS_SECURE_CONNECTION_WANTED:
      return Refused(fmt::format("{} has no TLS, but tls is enabled", servers));
    case NATS_SSL_ERROR:
      return Refused(fmt::format("{}: TLS: {}", servers, why));
    case NATS_ADDRESS_MISSING:
    case NATS_INVALID_ARG:
      return Refused(fmt::format("{} is not an address of NATS: {}", servers, why));
    case NATS_NO_SERVER:
      return Unavailable(
          fmt::format("cannot reach {}: connection refused or no answer within {} ms", servers,
                      options.connect_timeout.count()));
    default:
      return Unavailable(fmt::format("cannot reach {}: {}{}{}", servers, natsStatus_GetText(status),
                                     why.empty() ? "" : ": ", why));
  }
}

}  // namespace penstock::jetstream
