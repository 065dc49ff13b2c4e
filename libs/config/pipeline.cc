#include "config/pipeline.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <tuple>
#include <utility>

#include "config/document.h"
#include "config/references.h"

namespace penstock::config {

namespace {

constexpr std::size_t kMaxDocumentBytes = 8 << 20;

void SortByPlace(std::vector<Fault>& faults) {
  std::stable_sort(faults.begin(), faults.end(), [](const Fault& a, const Fault& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
}

void AddLines(const Node& root, std::vector<Fault>& faults) {
  for (Fault& fault : faults) {
    const Mark mark = Locate(root, fault.path).place();
    fault.line = mark.line;
    fault.column = mark.column;
  }
}

// A file of an older format has hardly a field in common with this one: a hundred unknown keys
// would hide the one thing to do.
bool IsOlderFormat(const Node& root, std::vector<Fault>& faults) {
  const Node* version = root.Find("version");
  const bool says_so = version != nullptr && version->kind == Node::Kind::kText &&
                       (version->text == "v1" || version->text == "v2");
  const bool looks_so = version == nullptr && root.Find("sources") == nullptr &&
                        root.Find("source") != nullptr && root.Find("sink") != nullptr;
  if (!says_so && !looks_so) return false;
  const Mark mark = says_so ? version->mark : root.Find("source")->key_mark;
  faults.push_back({says_so ? "version" : "source", mark.line, mark.column,
                    fmt::format("this is the older format {}; convert the file first: penstock "
                                "convert FILE",
                                says_so ? version->text : "v1 or v2")});
  return true;
}

Result<PipelineSpec> ToResult(Document document, std::string_view file) {
  if (document.ok()) return std::move(document.spec);
  return Error{Remedy::kStop, "config", FaultsAsText(document.faults, file)};
}

}  // namespace

Document ReadNode(Node root, const ParseOptions& options, std::vector<Fault> faults) {
  Document document;
  document.faults = std::move(faults);
  if (IsOlderFormat(root, document.faults)) return document;
  Findings findings;
  ResolveReferences(root, options, findings.faults);
  PipelineDoc parsed;
  PipelineSchema().Read(root, "", findings, parsed);
  document.spec = MakeSpec(parsed);
  CheckDocument(parsed, document.spec, root, findings);
  document.faults.insert(document.faults.end(), std::make_move_iterator(findings.faults.begin()),
                         std::make_move_iterator(findings.faults.end()));
  document.notes = std::move(findings.notes);
  document.not_built_yet = NotBuiltYet(document.spec);
  AddLines(root, document.not_built_yet);
  SortByPlace(document.faults);
  SortByPlace(document.notes);
  return document;
}

Document ReadPipeline(std::string_view text, const ParseOptions& options) {
  Document document;
  std::optional<Node> root;
  if (text.size() > kMaxDocumentBytes) {
    document.faults.push_back({"", 1, 1, "the document is larger than any pipeline (8 MiB)"});
  } else {
    root = ParseNode(text, document.faults);
  }
  return root ? ReadNode(*std::move(root), options, std::move(document.faults)) : document;
}

Result<PipelineSpec> ParsePipeline(std::string_view text, const ParseOptions& options) {
  return ToResult(ReadPipeline(text, options), "");
}

Document ReadPipelineFile(const std::string& path, const ParseOptions& options) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxDocumentBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad() || (file.fail() && !file.eof())) {
    Document document;
    document.faults.push_back({"", 0, 0, "cannot be read"});
    return document;
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  return ReadPipeline(text, options);
}

Result<PipelineSpec> LoadPipeline(const std::string& path, const ParseOptions& options) {
  return ToResult(ReadPipelineFile(path, options), path);
}

}  // namespace penstock::config
