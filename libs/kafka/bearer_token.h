#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "kafka/rdkafka_handles.h"

namespace penstock::kafka {

/// When a token ends, in milliseconds since the epoch: the claim `exp` of a JSON Web Token
/// (https://www.rfc-editor.org/rfc/rfc7519#section-4.1.4); a year from now for any other text.
std::int64_t TokenEndMs(std::string_view token, const Clock& clock);

/// Gives the client its token for SASL OAUTHBEARER. Fails with "not_authenticated".
Status SetBearerToken(rd_kafka_t* client, const std::string& token, const std::string& principal,
                      const Clock& clock);

}  // namespace penstock::kafka
