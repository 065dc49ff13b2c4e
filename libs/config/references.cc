#include "config/references.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "base/format.h"

namespace penstock::config {

namespace {

// A secret or certificate is small; a larger file is a mistake.
constexpr std::size_t kMaxFileBytes = 1 << 20;

std::optional<std::string> Environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): nobody sets it.
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

Result<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad() || (file.fail() && !file.eof())) {
    return Error{Remedy::kStop, "file", "cannot be read"};
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMaxFileBytes) return Error{Remedy::kStop, "file", "is larger than 1 MiB"};
  return text;
}

bool IsName(std::string_view name) {
  if (name.empty() || (name.front() >= '0' && name.front() <= '9')) return false;
  return name.find_first_not_of(
             "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") ==
         std::string_view::npos;
}

// What stands for the inside of ${...}; the error's detail is the fault's message.
Result<std::string> Lookup(const std::string& inside, const ParseOptions& options) {
  constexpr std::string_view kFile = "file:";
  if (inside.starts_with(kFile)) {
    const std::string path = inside.substr(kFile.size());
    Result<std::string> text = options.read_file ? options.read_file(path) : ReadFile(path);
    if (!text.ok()) {
      return Error{Remedy::kStop, "reference",
                   fmt::format("the file {} of ${{file:…}} {}", path, text.error().detail)};
    }
    std::string value = std::move(text).value();
    // Secrets are mounted with the newline that the editor put at their end.
    if (value.ends_with('\n')) value.pop_back();
    if (value.ends_with('\r')) value.pop_back();
    return value;
  }
  if (!IsName(inside)) {
    return Error{Remedy::kStop, "reference",
                 "${ must go on as ${NAME} or ${file:/path}; write $${ for a literal ${"};
  }
  std::optional<std::string> value =
      options.environment ? options.environment(inside) : Environment(inside);
  if (!value) {
    return Error{Remedy::kStop, "reference",
                 fmt::format("the environment variable {} is not set", inside)};
  }
  return *std::move(value);
}

void ResolveText(Node& node, const std::string& path, const ParseOptions& options,
                 std::vector<Fault>& faults) {
  std::string_view rest = node.text;
  std::string out;
  for (std::size_t at = rest.find("${"); at != std::string_view::npos; at = rest.find("${")) {
    if (at > 0 && rest[at - 1] == '$') {
      out += rest.substr(0, at - 1);
      out += "${";
      rest.remove_prefix(at + 2);
      continue;
    }
    const std::size_t end = std::min(rest.find('}', at), rest.size());
    Result<std::string> value = Lookup(std::string(rest.substr(at + 2, end - at - 2)), options);
    if (!value.ok()) {
      node.unresolved = true;
      faults.push_back({path, node.mark.line, node.mark.column, value.error().detail});
    }
    out += rest.substr(0, at);
    if (value.ok()) out += value.value();
    node.from_reference = true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  out += rest;
  node.text = std::move(out);
}

void Resolve(Node& node, const std::string& path, const ParseOptions& options,
             std::vector<Fault>& faults) {
  if (node.kind == Node::Kind::kText) return ResolveText(node, path, options, faults);
  std::size_t index = 0;
  for (Node& child : node.children) {
    std::string child_path = node.kind == Node::Kind::kList ? fmt::format("{}[{}]", path, index++)
                             : path.empty()                 ? child.key
                                                            : path + "." + child.key;
    Resolve(child, child_path, options, faults);
  }
}

}  // namespace

void ResolveReferences(Node& root, const ParseOptions& options, std::vector<Fault>& faults) {
  Resolve(root, "", options, faults);
}

}  // namespace penstock::config
