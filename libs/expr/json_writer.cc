#include "expr/json_writer.h"

#include "base/format.h"
#include "expr/number_text.h"
#include "expr/time_layout.h"
#include "expr/time_value.h"
#include "expr/utf8.h"

namespace penstock::expr {

namespace {

class Writer {
 public:
  Writer(Context& context, std::string& out, bool indent)
      : context_(context), out_(out), indent_(indent) {}

  void Write(const Value& value, int depth) {
    if (context_.failed() || !context_.Work(1) || !context_.Fits(out_)) return;
    if (depth > Context::kMaxDepth) {
      context_.Fail("this value is nested too deeply for JSON");
      return;
    }
    switch (value.kind) {
      case Kind::kNil:
        out_ += "null";
        return;
      case Kind::kBool:
        out_ += value.boolean ? "true" : "false";
        return;
      case Kind::kFloat:
        if (!AppendJsonNumber(out_, value.number))
          Unsupported("an infinite number or not-a-number");
        return;
      case Kind::kWide:
        return AppendWide(out_, value);
      case Kind::kString:
        return AppendEscaped(out_, value.string());
      case Kind::kArray:
        return Array(value, depth);
      case Kind::kMap:
        return Map(value, depth);
      case Kind::kTime:
        return WriteTime(*value.time);
      case Kind::kZone:
        out_ += "{}";
        return;
      case Kind::kMethod:
        return Unsupported("a method");
      default:
        return AppendInteger(out_, value.integer);
    }
  }

 private:
  void Unsupported(std::string_view what) {
    context_.Fail(fmt::format("JSON has no form for {}", what));
  }

  void Line(int depth) {
    if (!indent_) return;
    out_ += '\n';
    out_.append(2 * static_cast<std::size_t>(depth), ' ');
  }

  void Array(const Value& value, int depth) {
    if (value.is_null) {
      out_ += "null";
      return;
    }
    out_ += '[';
    for (std::size_t i = 0; i < value.size; ++i) {
      if (i > 0) out_ += ',';
      Line(depth + 1);
      Write(value.items[i], depth + 1);
    }
    if (value.size > 0) Line(depth);
    out_ += ']';
  }

  void Map(const Value& value, int depth) {
    if (!value.IsTextMap()) return Unsupported("a map whose keys need not be strings");
    if (value.is_null) {
      out_ += "null";
      return;
    }
    out_ += '{';
    for (std::size_t i = 0; i < value.size; ++i) {
      if (i > 0) out_ += ',';
      Line(depth + 1);
      AppendEscaped(out_, value.entries[i].key.string());
      out_ += indent_ ? ": " : ":";
      Write(value.entries[i].value, depth + 1);
    }
    if (value.size > 0) Line(depth);
    out_ += '}';
  }

  void WriteTime(const Time& time) {
    const std::int64_t year = time.Civil().year;
    if (year < 0 || year > 9999) return Unsupported("a year beyond 0 to 9999");
    out_ += '"';
    AppendLayout(out_, time, "2006-01-02T15:04:05.999999999Z07:00");
    out_ += '"';
  }

  Context& context_;
  std::string& out_;
  bool indent_;
};

// The two-character escape of an ASCII character, \u00xx, or nothing for a plain one.
void AppendAscii(std::string& out, char c) {
  constexpr std::string_view kNamed = "\"\\\b\f\n\r\t";
  constexpr std::string_view kNames = "\"\\bfnrt";
  if (const std::size_t named = kNamed.find(c); named != std::string_view::npos) {
    out += '\\';
    out += kNames[named];
  } else if (static_cast<unsigned char>(c) < 0x20 || c == '<' || c == '>' || c == '&') {
    out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
  } else {
    out += c;
  }
}

}  // namespace

void AppendEscaped(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (static_cast<unsigned char>(c) < 0x80) {
      AppendAscii(out, c);
      ++at;
      continue;
    }
    const Rune rune = DecodeRune(text.substr(at));
    const bool valid = rune.code != kReplacement || rune.length > 1;
    if (!valid) {
      out += "\\ufffd";
    } else if (rune.code == 0x2028 || rune.code == 0x2029) {
      out += rune.code == 0x2028 ? "\\u2028" : "\\u2029";
    } else {
      out += text.substr(at, rune.length);
    }
    at += rune.length;
  }
  out += '"';
}

void AppendJson(Context& context, std::string& out, const Value& value, bool indent) {
  Writer(context, out, indent).Write(value, 0);
}

}  // namespace penstock::expr
