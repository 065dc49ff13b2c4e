#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "expr/environment_type.h"
#include "model/pipeline_spec.h"

namespace penstock::expr {

/// Whether an expression makes sense for records with these fields: every name must be declared
/// and every operand be of a kind that fits. The error (code "expression", kStop) says where in
/// the text, what is wrong there, and shows it with a caret. `a.b` declares b within a, of which
/// nothing else is known.

/// A filter's numbers are floats, as they are when it runs. Its result must be a boolean, as far
/// as that can be known.
Status CheckFilter(std::string_view expression, std::span<const SchemaField> fields);
/// A stateless transformation's integer fields count as integers here, as in the reference.
Status CheckStateless(std::string_view expression, std::span<const SchemaField> fields);

}  // namespace penstock::expr
