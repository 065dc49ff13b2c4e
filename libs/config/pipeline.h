#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/fault.h"
#include "model/pipeline_spec.h"

namespace penstock::config {

/// Where ${NAME} and ${file:/path} look. The defaults are the process's own environment and files.
struct ParseOptions {
  /// The value of an environment variable; nullopt: not set.
  std::function<std::optional<std::string>(const std::string& name)> environment;
  std::function<Result<std::string>(const std::string& path)> read_file;
};

/// A pipeline document as read: what it says, and all that is wrong with it at once.
struct Document {
  PipelineSpec spec;                 ///< To be used only when `ok()`.
  std::vector<Fault> faults;         ///< In the order of their lines.
  std::vector<Fault> notes;          ///< Accepted, but without the effect one might expect.
  std::vector<Fault> not_built_yet;  ///< NotBuiltYet(spec), with lines.

  bool ok() const { return faults.empty(); }
};

/// Reads a pipeline document, YAML or (when its first character is '{') JSON; both give the same
/// tree. Never throws; any bytes are either a pipeline or faults.
Document ReadPipeline(std::string_view text, const ParseOptions& options = {});

/// The spec, or an error (kStop, "config") whose detail has every fault on a line of its own.
Result<PipelineSpec> ParsePipeline(std::string_view text, const ParseOptions& options = {});

/// As ReadPipeline and ParsePipeline, of a file. One that cannot be read is a fault.
Document ReadPipelineFile(const std::string& path, const ParseOptions& options = {});
Result<PipelineSpec> LoadPipeline(const std::string& path, const ParseOptions& options = {});

/// What the document asks for and this version does not run yet; empty: it runs. Without lines:
/// a spec has none.
std::vector<Fault> NotBuiltYet(const PipelineSpec& spec);

/// docs/pipeline-reference.md: every field of the document, out of the table that parsing uses.
std::string PipelineReference();

}  // namespace penstock::config
