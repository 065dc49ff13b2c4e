#include "config/fault.h"

#include "base/format.h"
#include "base/text.h"

namespace penstock::config {

std::string FaultsAsText(const std::vector<Fault>& faults, std::string_view file) {
  std::string out;
  for (const Fault& fault : faults) {
    if (!out.empty()) out += '\n';
    if (!file.empty()) out += fmt::format("{}:", file);
    if (fault.line > 0) {
      out += file.empty() ? fmt::format("line {}: ", fault.line)
                          : fmt::format("{}:{}: ", fault.line, fault.column);
    } else if (!file.empty()) {
      out += ' ';
    }
    out += fault.path.empty() ? fault.message : fmt::format("{}: {}", fault.path, fault.message);
  }
  return out;
}

std::string FaultsAsJson(const std::vector<Fault>& faults) {
  std::string out = "[";
  for (const Fault& fault : faults) {
    if (out.size() > 1) out += ',';
    out += "\n  {\"path\": ";
    AppendJsonString(out, fault.path);
    out += fmt::format(", \"line\": {}, \"column\": {}, \"message\": ", fault.line, fault.column);
    AppendJsonString(out, fault.message);
    out += '}';
  }
  return out += faults.empty() ? "]" : "\n]";
}

}  // namespace penstock::config
