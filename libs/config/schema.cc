#include "config/schema.h"

#include <charconv>
#include <set>

#include "config/nearest.h"

namespace penstock::config {

namespace {

std::string Join(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
}

// The value of a field, whichever way it is spelt; null counts as left out.
const Node* Take(const Node& node, const std::string& path, const FieldInfo& field,
                 Findings& findings) {
  const Node* value = node.Find(field.name);
  const Node* other = field.alias.empty() ? nullptr : node.Find(field.alias);
  if (value != nullptr && other != nullptr) {
    findings.AddFault(other->key_mark, Join(path, field.alias),
                      fmt::format("another spelling of \"{}\", which is on line {}; keep one",
                                  field.name, value->key_mark.line));
  }
  if (value == nullptr) value = other;
  return value == nullptr || value->kind == Node::Kind::kNull ? nullptr : value;
}

void FindUnknownKeys(const Node& node, const std::string& path,
                     const std::vector<FieldInfo>& fields, Findings& findings) {
  std::vector<std::string_view> known;
  for (const FieldInfo& field : fields) {
    known.push_back(field.name);
    if (!field.alias.empty()) known.push_back(field.alias);
  }
  for (const Node& child : node.children) {
    if (std::find(known.begin(), known.end(), child.key) != known.end()) continue;
    std::string hint = Hint(child.key, known);
    if (hint.empty()) hint = fmt::format("; known here: {}", fmt::join(known, ", "));
    findings.AddFault(child.key_mark, Join(path, child.key), "no such key" + hint);
  }
}

// The first sentence of a text of the reference page, without its marks.
std::string Plain(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, text.find(". "))) {
    if (c != '`' && c != '+') out += c;
  }
  if (out.ends_with('.')) out.pop_back();
  return out;
}

std::string Quoted(std::string_view text) {
  constexpr std::size_t kLongest = 80;
  std::string out;
  AppendJsonString(out, text);
  if (out.size() <= kLongest) return out;
  std::size_t end = kLongest;
  while ((static_cast<unsigned char>(out[end]) & 0xC0U) == 0x80U) --end;
  return out.substr(0, end) + "…\"";
}

}  // namespace

std::string Site::Shown() const {
  if (!node.is_scalar() || node.kind == Node::Kind::kNull || field.secret || node.from_reference) {
    return std::string(KindName(node.kind));
  }
  switch (node.kind) {
    case Node::Kind::kText:
      return Quoted(node.text);
    case Node::Kind::kInt:
    case Node::Kind::kFloat:
      return fmt::format("the number {}", node.text);
    default:
      return node.text;
  }
}

void Site::WrongKind(std::string_view wanted) const {
  Fault(fmt::format("must be {}, is {}", wanted, Shown()));
}

bool ReadText(const Site& site, std::string& out) {
  if (site.node.kind != Node::Kind::kText) {
    const bool can_be_quoted = site.node.is_scalar();
    site.WrongKind(can_be_quoted ? "a text (put it in quotes)" : "a text");
    return false;
  }
  if (site.node.unresolved) return false;
  if (site.node.text.empty() && (site.field.required || site.field.not_empty) &&
      !site.findings.lenient) {
    site.Fault(site.field.required ? "must not be empty"
                                   : "must not be empty; leave it out instead");
    return false;
  }
  out = site.node.text;
  return true;
}

bool ReadBool(const Site& site, bool& out) {
  if (site.node.kind != Node::Kind::kBool) return site.WrongKind("true or false"), false;
  out = site.node.text == "true";
  return true;
}

bool ReadInteger(const Site& site, std::int64_t min, std::int64_t max, std::int64_t& out) {
  if (site.node.kind != Node::Kind::kInt) {
    site.WrongKind(site.node.kind == Node::Kind::kText ? "a whole number (without quotes)"
                                                       : "a whole number");
    return false;
  }
  const std::string& text = site.node.text;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value < min || value > max) {
    site.Fault(max == std::numeric_limits<std::int64_t>::max()
                   ? fmt::format("must be {} or more, is {}", min, text)
                   : fmt::format("must be {} to {}, is {}", min, max, text));
    return false;
  }
  out = value;
  return true;
}

bool ReadDuration(const Site& site, std::chrono::nanoseconds& out) {
  if (site.node.kind != Node::Kind::kText) {
    return site.WrongKind("a duration such as \"30s\", \"1h30m\" or \"7d\""), false;
  }
  if (site.node.unresolved) return false;
  Result<std::chrono::nanoseconds> duration = ParseDuration(site.node.text);
  if (!duration.ok()) {
    site.WrongKind("a duration such as \"30s\", \"1h30m\", \"250ms\" or \"7d\"");
    return false;
  }
  out = duration.value();
  return true;
}

bool ReadSize(const Site& site, std::uint64_t& out) {
  constexpr std::string_view kWanted = "a size such as \"512KiB\", \"25GB\" or a number of bytes";
  if (site.node.unresolved) return false;
  if (site.node.kind != Node::Kind::kText && site.node.kind != Node::Kind::kInt) {
    return site.WrongKind(kWanted), false;
  }
  Result<std::uint64_t> size = ParseSize(site.node.text);
  if (!size.ok()) return site.WrongKind(kWanted), false;
  out = size.value();
  return true;
}

bool ReadTexts(const Site& site, std::vector<std::string>& out) {
  const std::size_t before = site.findings.faults.size();
  ReadItems(site, [&](const Node& item, const std::string& path) {
    const Site item_site{item, path, site.field, site.findings};
    if (item.kind == Node::Kind::kText && item.text.empty() && !item.unresolved) {
      item_site.Fault("must not be empty");
    } else {
      ReadText(item_site, out.emplace_back());
    }
  });
  if (site.field.required && site.node.kind == Node::Kind::kList && site.node.children.empty()) {
    site.Fault("must have at least one item");
  }
  return site.findings.faults.size() == before;
}

bool ReadTextMap(const Site& site, std::map<std::string, std::string>& out) {
  if (site.node.kind != Node::Kind::kMap) return site.WrongKind("a map"), false;
  bool ok = true;
  for (const Node& child : site.node.children) {
    const std::string path = Join(site.path, child.key);
    if (!child.is_scalar() || child.kind == Node::Kind::kNull) {
      Site{child, path, site.field, site.findings}.WrongKind("a text, a number, true or false");
      ok = false;
    } else {
      out[child.key] = child.text;
    }
  }
  return ok;
}

bool ReadPem(const Site& site, std::string& out) {
  std::string text;
  if (!ReadText(site, text)) return false;
  constexpr std::string_view kBegin = "-----BEGIN ";
  if (text.empty() || text.find(kBegin) != std::string::npos) return out = text, true;
  Result<std::string> decoded = Base64Decode(text);
  if (!decoded.ok() || decoded.value().find(kBegin) == std::string::npos) {
    site.Fault("must be PEM text (-----BEGIN …) or base64 of it; ${file:/path} reads a file");
    return false;
  }
  out = std::move(decoded).value();
  return true;
}

bool ReadChoice(const Site& site, const std::vector<std::string_view>& choices, std::string& out) {
  std::string text;
  if (!ReadText(site, text)) return false;
  if (text.empty()) return true;  // As if left out.
  if (std::find(choices.begin(), choices.end(), text) != choices.end()) return out = text, true;
  site.Fault(fmt::format("must be {}{}, is {}{}", choices.size() > 1 ? "one of " : "",
                         fmt::join(choices, ", "), site.Shown(),
                         site.node.from_reference ? "" : Hint(text, choices)));
  return false;
}

void ReadFields(const Node& node, const std::string& path, const std::vector<FieldInfo>& fields,
                Findings& findings, const std::function<void(std::size_t, const Site&)>& read) {
  if (node.kind != Node::Kind::kMap) {
    findings.AddFault(node.place(), path, fmt::format("must be a map, is {}", KindName(node.kind)));
    return;
  }
  FindUnknownKeys(node, path, fields, findings);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const FieldInfo& field = fields[i];
    const Node* value = Take(node, path, field, findings);
    const std::string field_path = Join(path, value == nullptr ? field.name : value->key);
    if (value != nullptr) {
      read(i, Site{*value, field_path, field, findings});
    } else if (field.required && !findings.lenient) {
      findings.AddFault(node.place(), field_path,
                        fmt::format("is required ({}): {}", Plain(field.type), Plain(field.doc)));
    }
  }
}

void ReadItems(const Site& site, const std::function<void(const Node&, const std::string&)>& read) {
  if (site.node.kind != Node::Kind::kList) return site.WrongKind("a list");
  std::size_t index = 0;
  for (const Node& item : site.node.children) {
    read(item, fmt::format("{}[{}]", site.path, index++));
  }
}

}  // namespace penstock::config
