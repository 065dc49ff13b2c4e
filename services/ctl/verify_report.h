#pragma once

#include <string>

#include "ctl/findings.h"
#include "ctl/table_comparison.h"
#include "ctl/verification.h"

namespace penstock::ctl {

struct VerifyReport {
  const PipelineSpec& spec;
  const Verification& verification;
  const TableComparison* table = nullptr;  ///< Null: it was not compared.
  const Findings& findings;
};

/// A line for each partition and origin, then the findings, then whether all is there.
std::string VerifyText(const VerifyReport& report);
/// The same as one JSON object.
std::string VerifyJson(const VerifyReport& report);

}  // namespace penstock::ctl
