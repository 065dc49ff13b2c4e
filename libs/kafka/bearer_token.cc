#include "kafka/bearer_token.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "base/text.h"

namespace penstock::kafka {
namespace {

/// The middle one of the three parts, which is base64 with '-' and '_' for '+' and '/'.
std::string ClaimsOf(std::string_view token) {
  const std::size_t first = token.find('.');
  const std::size_t second = token.find('.', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return {};
  std::string part(token.substr(first + 1, second - first - 1));
  std::replace(part.begin(), part.end(), '-', '+');
  std::replace(part.begin(), part.end(), '_', '/');
  Result<std::string> claims = Base64Decode(part);
  return claims.ok() ? std::move(claims).value() : std::string();
}

}  // namespace

std::int64_t TokenEndMs(std::string_view token, const Clock& clock) {
  using std::chrono::milliseconds;
  constexpr std::string_view kName = "\"exp\":";
  std::string claims = ClaimsOf(token);
  std::erase_if(claims, [](char c) { return c == ' ' || c == '\n' || c == '\t'; });
  std::int64_t seconds = 0;
  if (const std::size_t at = claims.find(kName); at != std::string::npos) {
    std::from_chars(claims.data() + at + kName.size(), claims.data() + claims.size(), seconds);
  }
  if (seconds > 0) return seconds * 1000;
  return clock.WallMs() + milliseconds(std::chrono::years(1)).count();
}

Status SetBearerToken(rd_kafka_t* client, const std::string& token, const std::string& principal,
                      const Clock& clock) {
  std::array<char, 512> why{};
  if (rd_kafka_oauthbearer_set_token(client, token.c_str(), TokenEndMs(token, clock),
                                     principal.c_str(), nullptr, 0, why.data(),
                                     why.size()) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    return Done{};
  }
  rd_kafka_oauthbearer_set_token_failure(client, why.data());
  return Error{Remedy::kStop, "not_authenticated",
               fmt::format("connection_params.password, the OAUTHBEARER token: {}", why.data())};
}

}  // namespace penstock::kafka
