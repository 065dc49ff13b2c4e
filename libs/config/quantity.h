#pragma once

#include <optional>
#include <string_view>

namespace penstock::config {

/// The value of a Kubernetes quantity ("250m", "1.5", "2Gi", "1e3"); nullopt: it is none.
std::optional<double> ParseQuantity(std::string_view text);

}  // namespace penstock::config
