#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <sstream>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "base/format.h"
#include "config/node.h"

namespace penstock::config {

namespace {

bool AllOf(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

// Digits, at least one, off the front.
bool TakeDigits(std::string_view& text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  text.remove_prefix(digits);
  return digits > 0;
}

bool IsDecimal(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return AllOf(text, "0123456789");
}

bool IsFloat(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  bool digits = TakeDigits(text);
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    digits = TakeDigits(text) || digits;
  }
  if (!digits || text.empty()) return digits;
  if (text.front() != 'e' && text.front() != 'E') return false;
  text.remove_prefix(1);
  return IsDecimal(text);
}

// A number in JSON's form: no plus sign, no leading zeros, digits on both sides of the point.
std::string JsonNumber(std::string_view text) {
  std::string sign;
  if (text.starts_with('-')) sign = "-";
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  while (text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9') {
    text.remove_prefix(1);
  }
  std::string out = sign + (text.starts_with('.') ? "0" : "") + std::string(text);
  const std::size_t point = out.find('.');
  if (point != std::string::npos &&
      (point + 1 == out.size() || out[point + 1] > '9' || out[point + 1] < '0')) {
    out.insert(point + 1, "0");
  }
  return out;
}

struct Resolved {
  Node::Kind kind;
  std::string text;
};

// A plain scalar by YAML 1.2's core schema; `yes` and `on` are texts there. So are infinities and
// not-a-number here: JSON, the other form of the document, does not have them.
Resolved ResolvePlain(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    return {Node::Kind::kNull, ""};
  }
  if (text == "true" || text == "True" || text == "TRUE") return {Node::Kind::kBool, "true"};
  if (text == "false" || text == "False" || text == "FALSE") return {Node::Kind::kBool, "false"};
  if (IsDecimal(text)) return {Node::Kind::kInt, JsonNumber(text)};
  const bool hex = text.starts_with("0x") && AllOf(text.substr(2), "0123456789abcdefABCDEF");
  const bool octal = text.starts_with("0o") && AllOf(text.substr(2), "01234567");
  if ((hex || octal) && text.size() <= 17) {
    return {Node::Kind::kInt,
            fmt::format("{}", std::strtoull(text.c_str() + 2, nullptr, hex ? 16 : 8))};
  }
  if (IsFloat(text)) return {Node::Kind::kFloat, JsonNumber(text)};
  return {Node::Kind::kText, text};
}

Mark Place(const YAML::Mark& mark) {
  return {mark.line + 1, mark.column + 1};
}

/// Turns yaml-cpp's events into a tree. The parser calls it in the order of the text.
class Handler : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      builder_.Fail("a second document starts here; a file has one pipeline", Place(mark));
    }
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (builder_.wants_key()) return builder_.Fail("a key must be a text", Place(mark));
    builder_.Scalar(Node::Kind::kNull, "", Place(mark));
    Remember(anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      return builder_.Fail("an alias inside of what it stands for", Place(mark));
    }
    builder_.Copy(found->second, Place(mark));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (builder_.wants_key()) return builder_.Key(value, Place(mark));
    // yaml-cpp's tags: "?" plain, "!" quoted or block. Of explicit ones only !!str is of use.
    Resolved resolved =
        tag == "?" || tag.empty() ? ResolvePlain(value) : Resolved{Node::Kind::kText, value};
    builder_.Scalar(resolved.kind, std::move(resolved.text), Place(mark));
    Remember(anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    builder_.BeginList(Place(mark));
    open_anchors_.push_back(anchor);
  }
  void OnSequenceEnd() override { End(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    builder_.BeginMap(Place(mark));
    open_anchors_.push_back(anchor);
  }
  void OnMapEnd() override { End(); }

  int documents() const { return documents_; }
  TreeBuilder& builder() { return builder_; }

 private:
  void End() {
    builder_.End();
    Remember(open_anchors_.back());
    open_anchors_.pop_back();
  }
  void Remember(YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor && !builder_.failed()) anchors_[anchor] = builder_.last();
  }

  TreeBuilder builder_;
  int documents_ = 0;
  std::vector<YAML::anchor_t> open_anchors_;
  std::map<YAML::anchor_t, Node> anchors_;
};

}  // namespace

std::optional<Node> ParseYaml(std::string_view text, std::vector<Fault>& faults) {
  Handler handler;
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    while (handler.documents() < 2 && parser.HandleNextDocument(handler)) {
    }
  } catch (const YAML::ParserException& error) {
    // Its text is one of a fixed list and quotes nothing but a character; never a secret.
    handler.builder().Fail(fmt::format("not valid YAML: {}", error.msg), Place(error.mark));
  } catch (const std::exception&) {
    handler.builder().Fail("not valid YAML", {1, 1});
  }
  if (handler.documents() == 0) handler.builder().Fail("the document is empty", {1, 1});
  return std::move(handler.builder()).Take(faults);
}

}  // namespace penstock::config
