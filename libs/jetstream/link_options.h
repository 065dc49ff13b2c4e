#pragma once

#include <chrono>
#include <string>

#include "base/result.h"
#include "jetstream/connection.h"
#include "jetstream/nats_handles.h"

namespace penstock::jetstream {

/// How long a write may wait for a full socket before the connection counts as broken.
inline constexpr std::chrono::milliseconds kWriteDeadline{5'000};

/// The C library's options for `options`, without callbacks.
Result<OptionsHandle> MakeNatsOptions(const NatsOptions& options);
/// "nats://a:4222, nats://b:4222": without user and password, for people.
std::string ServersForPeople(const NatsOptions& options);
/// Why a first connect failed with `status`.
Error ConnectError(natsStatus status, const std::string& servers, const NatsOptions& options);

}  // namespace penstock::jetstream
