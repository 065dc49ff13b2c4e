#include "fuzz/expr_parser.h"

#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "expr/program.h"

namespace penstock::expr {
namespace {

// A fault's place is within the text, and its line is shown when there is one.
void CheckFault(const Error& error) {
  PENSTOCK_CHECK(error.remedy == Remedy::kStop && error.code == "expression", error.detail);
  PENSTOCK_CHECK(!error.detail.empty() && error.detail.find(": ") != std::string::npos,
                 "a fault has a place and a message");
}

void CheckSource(std::string_view source) {
  EnvironmentType declared;
  declared.declared = true;
  declared.fields = {{"a", TypeKind::kString}, {"b", TypeKind::kFloat}, {"len", TypeKind::kMap}};
  for (const Mode mode : {Mode::kPlain, Mode::kGlassFlow}) {
    EnvironmentType environment;
    environment.mode = mode;
    declared.mode = mode;
    FieldTable records;
    FieldTable columns({"a", "a.b", "user"});
    const auto over_records = Program::Compile(source, environment, records);
    const auto over_columns = Program::Compile(source, environment, columns);
    PENSTOCK_CHECK(over_records.ok() == over_columns.ok(),
                   "what is valid depends on the text only");
    if (!over_records.ok()) CheckFault(over_records.error());
    FieldTable table;
    const auto checked = Program::Compile(source, declared, table);
    if (!checked.ok()) CheckFault(checked.error());
  }
}

}  // namespace
}  // namespace penstock::expr

void FuzzExprParser(const std::uint8_t* data, std::size_t size) {
  const std::vector<char> copy(data, data + size);
  penstock::expr::CheckSource({copy.data(), copy.size()});
}

#ifdef PENSTOCK_LIBFUZZER
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzExprParser(data, size);
  return 0;
}
#endif
