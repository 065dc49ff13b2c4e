#include <cstddef>
#include <iterator>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/format.h"
#include "config/node.h"

namespace penstock::config {

namespace {

/// The text as nlohmann's parser reads it, telling how far it has come.
class Cursor {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Cursor(const char* at, std::size_t* consumed) : at_(at), consumed_(consumed) {}
  reference operator*() const { return *at_; }
  Cursor& operator++() {
    ++at_;
    ++*consumed_;
    return *this;
  }
  Cursor operator++(int) {
    Cursor old = *this;
    ++*this;
    return old;
  }
  friend bool operator==(const Cursor& a, const Cursor& b) { return a.at_ == b.at_; }

 private:
  const char* at_;
  std::size_t* consumed_;
};

/// Turns the parser's events into a tree. An event comes when its token has just been read, so
/// the token's start is found by going back from there.
class Handler : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Handler(std::string_view text) : text_(text) {}

  bool null() override { return Scalar(Node::Kind::kNull, "", 4); }
  bool boolean(bool value) override {
    return Scalar(Node::Kind::kBool, value ? "true" : "false", value ? 4 : 5);
  }
  bool number_integer(number_integer_t value) override {
    return Number(Node::Kind::kInt, fmt::format("{}", value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    return Number(Node::Kind::kInt, fmt::format("{}", value));
  }
  bool number_float(number_float_t, const string_t& text) override {
    // A whole number beyond 64 bits comes as a float, too.
    const bool whole = text.find_first_of(".eE") == string_t::npos;
    return Number(whole ? Node::Kind::kInt : Node::Kind::kFloat, text);
  }
  bool string(string_t& value) override {
    builder_.Scalar(Node::Kind::kText, std::move(value), PlaceOf(StringStart()));
    return !builder_.failed();
  }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override {
    builder_.BeginMap(PlaceOf(consumed_ - 1));
    return !builder_.failed();
  }
  bool key(string_t& value) override {
    builder_.Key(std::move(value), PlaceOf(StringStart()));
    return true;
  }
  bool end_object() override { return End(); }
  bool start_array(std::size_t) override {
    builder_.BeginList(PlaceOf(consumed_ - 1));
    return !builder_.failed();
  }
  bool end_array() override { return End(); }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception& error) override {
    builder_.Fail(Explain(error.what()), PlaceOf(position > 0 ? position - 1 : 0));
    return false;
  }

  std::size_t* consumed() { return &consumed_; }
  TreeBuilder& builder() { return builder_; }

 private:
  // The library's reason without "last read: ...", which quotes the document and so a secret.
  static std::string Explain(std::string_view what) {
    what = what.substr(0, what.find("; last read: "));
    const std::size_t reason = what.find("while parsing");
    what = reason == std::string_view::npos ? "syntax error" : what.substr(reason);
    return fmt::format("not valid JSON: {} (what starts with '{{' is read as JSON)", what);
  }
  bool Scalar(Node::Kind kind, std::string text, std::size_t length) {
    builder_.Scalar(kind, std::move(text), PlaceOf(consumed_ - length));
    return !builder_.failed();
  }
  bool Number(Node::Kind kind, std::string text) {
    // The parser has read one character more to see the number's end.
    std::size_t start = std::min(consumed_, text_.size()) - 1;
    while (start > 0 && IsNumberChar(text_[start - 1])) --start;
    builder_.Scalar(kind, std::move(text), PlaceOf(start));
    return !builder_.failed();
  }
  static bool IsNumberChar(char c) {
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
  }
  // Back from the closing quote to the opening one: the first with no backslash that escapes it.
  std::size_t StringStart() const {
    std::size_t start = consumed_ - 1;
    while (start > 0) {
      --start;
      std::size_t slashes = 0;
      while (slashes < start && text_[start - 1 - slashes] == '\\') ++slashes;
      if (text_[start] == '"' && slashes % 2 == 0) break;
    }
    return start;
  }
  // Offsets come in growing order but for a few characters: lines are counted once.
  Mark PlaceOf(std::size_t offset) {
    for (; counted_ < offset; ++counted_) {
      if (text_[counted_] != '\n') continue;
      ++line_;
      line_start_ = counted_ + 1;
    }
    return {line_, static_cast<int>(offset - line_start_) + 1};
  }
  bool End() {
    builder_.End();
    return !builder_.failed();
  }

  std::string_view text_;
  std::size_t consumed_ = 0;
  std::size_t counted_ = 0;
  std::size_t line_start_ = 0;
  int line_ = 1;
  TreeBuilder builder_;
};

}  // namespace

std::optional<Node> ParseJson(std::string_view text, std::vector<Fault>& faults) {
  Handler handler(text);
  std::size_t unused = 0;
  try {
    nlohmann::json::sax_parse(Cursor(text.data(), handler.consumed()),
                              Cursor(text.data() + text.size(), &unused), &handler);
  } catch (const std::exception&) {
    handler.builder().Fail("not valid JSON", {1, 1});
  }
  return std::move(handler.builder()).Take(faults);
}

}  // namespace penstock::config
