#pragma once

#include <filesystem>
#include <string>
#include <vector>

/// The conformance runner: inputs with the outcomes that the reference system gave for them, run
/// through the product's own code.
namespace penstock::conformance {

struct Outcome {
  std::string id;
  std::string reason;  ///< Why it disagrees; empty: it agrees.
};

/// Runs the vectors of one kind at `path`, a folder or a file. An error in the vectors themselves
/// is thrown: it ends the run.
using Kind = std::vector<Outcome> (*)(const std::filesystem::path& path);

/// pipelines: whole documents against the verdict "valid" or not.
std::vector<Outcome> RunPipelines(const std::filesystem::path& path);

/// mapping: one JSON value, from the record through the parser into a column's Native bytes.
std::vector<Outcome> RunMapping(const std::filesystem::path& path);

/// expr: one expression over one record.
std::vector<Outcome> RunExpr(const std::filesystem::path& path);

/// functions: one call of a helper function, or one value converted to an output type.
std::vector<Outcome> RunFunctions(const std::filesystem::path& path);

/// records: a record through a filter or a stateless transformation.
std::vector<Outcome> RunRecords(const std::filesystem::path& path);

/// schema_check: an expression against declared fields.
std::vector<Outcome> RunSchemaCheck(const std::filesystem::path& path);

}  // namespace penstock::conformance
