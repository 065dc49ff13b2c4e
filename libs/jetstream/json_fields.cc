#include "jetstream/json_fields.h"

#include <charconv>

#include "base/format.h"

namespace penstock::jetstream {
namespace {

constexpr int kMaxDepth = 32;

void AppendUtf8(std::string& out, std::uint32_t code) {
  const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

}  // namespace

/// Recursive descent over the text; every method leaves `at_` behind what it read.
class JsonFieldsParser {
 public:
  JsonFieldsParser(std::string_view text, JsonFields& out) : text_(text), out_(out) {}

  bool Run() {
    SkipBlanks();
    if (Peek() != '{' || !Value(0)) return false;
    SkipBlanks();
    return at_ == text_.size();
  }

 private:
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool Take(char wanted) {
    SkipBlanks();
    if (Peek() != wanted) return false;
    ++at_;
    return true;
  }
  void SkipBlanks() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != text_.npos) ++at_;
  }

  bool Value(int depth) {
    if (depth > kMaxDepth) return false;
    SkipBlanks();
    if (Take('{')) return Members(depth);
    if (Take('[')) return Elements(depth);
    if (Peek() == '"') {
      std::string value;
      if (!String(value)) return false;
      out_.fields_.emplace_back(path_, std::move(value));
      return true;
    }
    return Literal();
  }

  bool Members(int depth) {
    if (Take('}')) return true;
    do {
      SkipBlanks();
      std::string key;
      if (!String(key) || !Take(':') || !Child(key, depth)) return false;
    } while (Take(','));
    return Take('}');
  }

  bool Elements(int depth) {
    if (Take(']')) return true;
    std::size_t index = 0;
    do {
      if (!Child(fmt::format("{}", index++), depth)) return false;
    } while (Take(','));
    return Take(']');
  }

  bool Child(std::string_view name, int depth) {
    const std::size_t parent = path_.size();
    if (parent != 0) path_ += '.';
    path_ += name;
    const bool good = Value(depth + 1);
    path_.resize(parent);
    return good;
  }

  bool Literal() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && std::string_view(",]} \t\r\n").find(text_[at_]) == text_.npos)
      ++at_;
    if (at_ == begin) return false;
    const std::string_view literal = text_.substr(begin, at_ - begin);
    if (literal != "null") out_.fields_.emplace_back(path_, literal);
    return true;
  }

  bool String(std::string& out) {
    if (!Take('"')) return false;
    for (;;) {
      // Long plain runs (a message's body) go over as one copy.
      const std::size_t stop = text_.find_first_of("\"\\", at_);
      if (stop == text_.npos) return false;
      out.append(text_, at_, stop - at_);
      at_ = stop + 1;
      if (text_[stop] == '"') return true;
      if (!Escape(out)) return false;
    }
  }

  bool Escape(std::string& out) {
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const char name = Peek();
    ++at_;
    if (const std::size_t index = kNames.find(name); index != kNames.npos) {
      out.push_back(kMeanings[index]);
      return true;
    }
    std::uint32_t code = 0;
    if (name != 'u' || !Hex4(code)) return false;
    if (code >= 0xD800 && code < 0xDC00 && text_.substr(at_, 2) == "\\u") {
      std::uint32_t low = 0;
      at_ += 2;
      if (!Hex4(low)) return false;
      code = 0x10000 + ((code - 0xD800) << 10) + ((low - 0xDC00) & 0x3FF);
    }
    AppendUtf8(out, code);
    return true;
  }

  bool Hex4(std::uint32_t& code) {
    if (text_.size() - at_ < 4) return false;
    const char* begin = text_.data() + at_;
    at_ += 4;
    return std::from_chars(begin, begin + 4, code, 16).ptr == begin + 4;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string path_;
  JsonFields& out_;
};

std::optional<JsonFields> JsonFields::Parse(std::string_view text) {
  JsonFields fields;
  if (!JsonFieldsParser(text, fields).Run()) return std::nullopt;
  return fields;
}

std::optional<std::string_view> JsonFields::Find(std::string_view path) const {
  for (const auto& [name, value] : fields_) {
    if (name == path) return value;
  }
  return std::nullopt;
}

std::string JsonFields::Text(std::string_view path) const {
  return std::string(Find(path).value_or(std::string_view()));
}

std::uint64_t JsonFields::Unsigned(std::string_view path) const {
  const std::string_view text = Find(path).value_or(std::string_view());
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : 0;
}

std::vector<std::string> JsonFields::List(std::string_view path) const {
  std::vector<std::string> list;
  while (const auto element = Find(fmt::format("{}.{}", path, list.size()))) {
    list.emplace_back(*element);
  }
  return list;
}

}  // namespace penstock::jetstream
