#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace penstock::events {

/// The vocabulary of the events: plain things, no names of persons, companies or real hosts.

inline constexpr std::array<std::string_view, 16> kColours{
    "amber", "azure", "beige", "coral", "cyan",   "ebony",  "green",  "indigo",
    "ivory", "khaki", "lilac", "olive", "purple", "silver", "violet", "white"};
inline constexpr std::array<std::string_view, 16> kFruits{
    "apple", "apricot", "banana", "cherry", "fig",  "grape", "guava",  "kiwi",
    "lemon", "lychee",  "mango",  "melon",  "pear", "plum",  "quince", "tamarind"};
inline constexpr std::array<std::string_view, 5> kLevels{"debug", "info", "info", "warn", "error"};
inline constexpr std::array<std::string_view, 12> kServices{
    "api-gateway", "auth",  "billing", "cart",    "catalogue",   "checkout",
    "inventory",   "media", "search",  "session", "recommender", "shipping"};
inline constexpr std::array<std::string_view, 6> kRegions{"north-1", "north-2", "south-1",
                                                          "east-1",  "east-2",  "west-1"};
inline constexpr std::array<std::string_view, 3> kEnvironments{"production", "staging", "canary"};
inline constexpr std::array<std::string_view, 6> kMethods{"GET",  "GET", "GET",
                                                          "POST", "PUT", "DELETE"};
inline constexpr std::array<std::uint16_t, 10> kStatuses{200, 200, 200, 200, 201,
                                                         204, 304, 400, 404, 500};
inline constexpr std::array<std::string_view, 8> kPaths{
    "/v1/items/",    "/v1/carts/",   "/v2/catalogue/search/", "/v1/orders/",
    "/v1/sessions/", "/v2/media/t/", "/internal/health/",     "/v1/recommendations/"};
inline constexpr std::array<std::string_view, 5> kUserAgents{
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
    "Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Safari/605.1.15",
    "internal-client/3.14.2 (linux; amd64) retry/2"};
/// As they stand between the quotes of a JSON string.
inline constexpr std::array<std::string_view, 6> kMessages{
    "request completed: upstream answered within its objective and the response was written to "
    "the client without further buffering",
    "cache entry was stale: served the old value, queued a refresh in the background and counted "
    "the event against the soft budget of this tenant",
    "retrying after a temporary failure of the upstream: the connection was reset by the peer "
    "before the first byte of the answer arrived",
    "slow query: the plan fell back to a full scan because the statistics of the table were older "
    "than the threshold of the planner",
    "rate limit of the client is almost used up: further requests in this window are going to be "
    "answered with a hint when to come back",
    "validation of the \\\"payload\\\" failed:\\n\\tfield 'quantity' must be positive, the request "
    "was "
    "rejected and nothing was changed"};
inline constexpr std::array<std::string_view, 4> kHints{
    "raise the pool's limit or shorten the time-out of the callers when this is seen often",
    "nothing to do unless the share of these lines grows over the objective of the service",
    "compare with the deployment history, the first lines of this kind follow a new version",
    "look at the dashboard of the upstream first, then at the saturation of this node"};
inline constexpr std::array<std::string_view, 10> kTags{
    "edge", "mobile", "desktop", "beta", "cached", "retry", "slow-path", "internal", "batch", "v2"};
inline constexpr std::array<std::string_view, 8> kCountries{"AT", "BR", "CA", "DE",
                                                            "FR", "IN", "JP", "SE"};
inline constexpr std::array<std::string_view, 3> kCurrencies{"EUR", "USD", "JPY"};
inline constexpr std::array<std::string_view, 3> kTiers{"basic", "plus", "premium"};
inline constexpr std::array<std::string_view, 3> kShipping{"standard", "express", "pickup"};

}  // namespace penstock::events
