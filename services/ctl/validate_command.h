#pragma once

#include <span>
#include <string>
#include <string_view>

#include "config/pipeline.h"

namespace penstock::ctl {

/// `penstock validate FILE…`: the exit code is 0 when no file has a fault, else 1. What is valid
/// and not built yet is a warning.
int ValidateCommand(std::span<const std::string_view> args);

/// What it prints about one file: a line for each finding, then the verdict.
std::string VerdictAsText(const config::Document& document, std::string_view file);
/// The same as a JSON object.
std::string VerdictAsJson(const config::Document& document, std::string_view file);

}  // namespace penstock::ctl
