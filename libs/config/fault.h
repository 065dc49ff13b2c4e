#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace penstock::config {

/// One thing that is wrong with a document (or worth a note): where, what, and what would be
/// right. Never contains a secret: neither the value of a secret field nor anything that came
/// out of ${...}.
struct Fault {
  std::string path;  ///< "sink.mapping[2].column_type"; empty: the document as a whole.
  int line = 0;      ///< From 1; 0: not at a place of the document.
  int column = 0;    ///< From 1.
  std::string message;

  friend bool operator==(const Fault&, const Fault&) = default;
};

/// One line each: "orders.yaml:12:9: sink.max_batch_size: must be 1 or more, is 0". `file` may
/// be empty.
std::string FaultsAsText(const std::vector<Fault>& faults, std::string_view file);

/// A JSON array of {"path","line","column","message"}.
std::string FaultsAsJson(const std::vector<Fault>& faults);

}  // namespace penstock::config
