#pragma once

#include <set>
#include <string>

#include "model/pipeline_spec.h"

namespace penstock::config {

/// What later stages look at of a source's records.
struct UsedFields {
  bool all = false;                 ///< Every declared field may be needed.
  std::set<std::string> declared;   ///< Else these, and names that are no field's.
  std::set<std::string> enclosing;  ///< Objects read as a whole of which only members are declared.
};

/// Of filter, dedup, stateless transformation or join, and of the sink where nothing replaces the
/// row.
UsedFields FieldsInUse(const PipelineSpec& spec, const SourceSpec& source);

/// Whether the sink reads the column of that name; without a mapping it reads all.
bool SinkReads(const PipelineSpec& spec, const std::string& name);

}  // namespace penstock::config
