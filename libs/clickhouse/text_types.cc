#include <array>
#include <memory>
#include <utility>

#include "clickhouse/fixed_writer.h"
#include "clickhouse/text_source.h"
#include "clickhouse/writer_factory.h"

namespace penstock::clickhouse {

std::optional<std::string_view> TextSource::FromJson(JsonReader& value, FaultLog& faults) {
  const JsonReader::Kind kind = value.Peek();
  JsonReader whole = value;
  std::optional<std::string_view> text;
  if (kind == JsonReader::Kind::kString) {
    text = value.String(scratch_);
  } else if (kind == JsonReader::Kind::kNull && options_.null_as_empty) {
    value.Skip();
    text = std::string_view();
  } else if (options_.texts && kind != JsonReader::Kind::kNull) {
    text = value.Skip();
  }
  if (text && value.ok()) return text;
  const FaultKind fault = kind == JsonReader::Kind::kNull ? FaultKind::kNull
                          : value.ok()                    ? FaultKind::kWrongKind
                                                          : FaultKind::kNotParsed;
  faults.Add(fault, type_, whole.Skip());
  return std::nullopt;
}

namespace {

// A message's strings lie as Native wants them, so that most of a String column is copied as it is.
class StringWriter final : public ColumnWriter {
 public:
  explicit StringWriter(const WriterOptions& options) : source_("String", options) {}

  void Append(const ColumnSlice& slice, FaultLog& faults) override {
    if (slice.column.type == PhysicalType::kString) return AppendRuns(slice, faults);
    source_.ForEach(slice, faults, [this](std::string_view text) { data_.AppendText(text); });
  }
  bool AppendJson(JsonReader& value, FaultLog& faults) override {
    if (value.Peek() == JsonReader::Kind::kString) {
      data_.AppendText(value.String(scratch_));
      if (value.ok()) return true;
    }
    const std::optional<std::string_view> text = source_.FromJson(value, faults);
    data_.AppendText(text.value_or(std::string_view()));
    return text.has_value();
  }
  bool AppendText(std::string_view text, FaultLog&) override {
    data_.AppendText(text);
    return true;
  }
  void AppendDefault() override { data_.AppendText({}); }
  TextBuffer* texts() override { return &data_; }

  void Mark() override { mark_ = data_.size(); }
  void Rollback() override { data_.Truncate(mark_); }
  void Clear() override { data_.Clear(); }
  std::size_t bytes() const override { return data_.size(); }
  void WriteData(ByteSink& out) const override { out.Write(data_.view()); }
  std::optional<Plain> plain() const override { return Plain{data_.view(), 0}; }

 private:
  void AppendRuns(const ColumnSlice& slice, FaultLog& faults) {
    ReportGaps(slice, source_.type(), faults);
    // All of a column is copied unread: the message's checksum vouches for it.
    if (slice.rows == slice.column.rows) return data_.Append(slice.column.data);
    TextCursor cursor(slice.column);
    std::size_t at = 0;
    for (const RowRun& run : slice.runs) {
      cursor.Skip(run.begin - at);
      const char* const from = cursor.at();
      cursor.Skip(run.end - run.begin);
      at = run.end;
      if (!cursor.ok()) return faults.SetCorrupt();
      data_.Append({from, static_cast<std::size_t>(cursor.at() - from)});
    }
  }

  TextSource source_;
  TextBuffer data_;
  std::string scratch_;
  std::size_t mark_ = 0;
};

// N bytes a value, short ones filled up with zeros.
class FixedStringWriter final : public ColumnWriter {
 public:
  FixedStringWriter(std::string type, std::size_t width, const WriterOptions& options)
      : source_(std::move(type), options), width_(width) {}

  void Append(const ColumnSlice& slice, FaultLog& faults) override {
    source_.ForEach(slice, faults, [&](std::string_view text) { AppendText(text, faults); });
  }
  bool AppendJson(JsonReader& value, FaultLog& faults) override {
    const std::optional<std::string_view> text = source_.FromJson(value, faults);
    return AppendText(text.value_or(std::string_view()), faults) && text.has_value();
  }
  bool AppendText(std::string_view text, FaultLog& faults) override {
    const bool fits = text.size() <= width_;
    if (!fits) faults.Add(FaultKind::kTooLong, source_.type(), text);
    data_.append(text.substr(0, width_));
    if (text.size() < width_) data_.append(width_ - text.size(), '\0');
    return fits;
  }
  void AppendDefault() override { data_.append(width_, '\0'); }

  void Mark() override { mark_ = data_.size(); }
  void Rollback() override { data_.resize(mark_); }
  void Clear() override { data_.clear(); }
  std::size_t bytes() const override { return data_.size(); }
  void WriteData(ByteSink& out) const override { out.Write(data_); }
  std::optional<Plain> plain() const override { return Plain{data_, width_}; }

 private:
  TextSource source_;
  const std::size_t width_;
  std::string data_;
  std::size_t mark_ = 0;
};

constexpr std::uint64_t EachByte(std::uint64_t byte) {
  return byte * 0x0101'0101'0101'0101;
}

// The number that 8 hex digits write, all at once; `text` has the first in its lowest byte. Other
// characters leave bits in `bad`.
[[gnu::always_inline]] inline std::uint32_t EightHexDigits(std::uint64_t text, std::uint64_t& bad) {
  const std::uint64_t letters = text >> 6 & EachByte(1);
  const std::uint64_t digits = (text & EachByte(0x0F)) + 9 * letters;
  // Written back in lower case it must be the same text.
  const std::uint64_t above_nine = (digits + EachByte(0x80 - 10)) >> 7 & EachByte(1);
  const std::uint64_t written = digits + EachByte('0') + above_nine * ('a' - '0' - 10);
  bad |= (written ^ (text | letters << 5)) | (digits & EachByte(0xF0));
  // The first digit is in the lowest byte: join neighbours, then gather the joined bytes.
  const std::uint64_t pairs = (digits << 4 | digits >> 8) & 0x00FF'00FF'00FF'00FF;
  const std::uint64_t fours = (pairs | pairs >> 8) & 0x0000'FFFF'0000'FFFF;
  return __builtin_bswap32(static_cast<std::uint32_t>(fours | fours >> 16));
}

// With hyphens or without, in braces or behind "urn:uuid:".
struct UuidCodec {
  struct Out {
    std::uint64_t high = 0;  // Native puts the half with the first digits first.
    std::uint64_t low = 0;
  };

  Out Default() const { return {}; }
  FaultKind Convert(std::string_view text, Out& out) const {
    if (text.starts_with("urn:uuid:")) text.remove_prefix(9);
    if (text.size() == 38 && text.front() == '{' && text.back() == '}') text = text.substr(1, 36);
    const char* const at = text.data();
    std::uint64_t bad = 0;
    if (text.size() == 36) {
      if (at[8] != '-' || at[13] != '-' || at[18] != '-' || at[23] != '-') {
        return FaultKind::kNotParsed;
      }
      out.high = Half(Load8(at), Load4And4(at + 9, at + 14), bad);
      out.low = Half(Load4And4(at + 19, at + 24), Load8(at + 28), bad);
    } else if (text.size() == 32) {
      out.high = Half(Load8(at), Load8(at + 8), bad);
      out.low = Half(Load8(at + 16), Load8(at + 24), bad);
    } else {
      return FaultKind::kNotParsed;
    }
    return bad == 0 ? FaultKind::kNone : FaultKind::kNotParsed;
  }

 private:
  static std::uint64_t Load8(const char* at) { return LoadUnaligned<std::uint64_t>(at); }
  static std::uint64_t Load4And4(const char* first, const char* second) {
    return LoadUnaligned<std::uint32_t>(first) |
           static_cast<std::uint64_t>(LoadUnaligned<std::uint32_t>(second)) << 32;
  }
  static std::uint64_t Half(std::uint64_t first, std::uint64_t second, std::uint64_t& bad) {
    const std::uint64_t upper = EightHexDigits(first, bad);
    return upper << 32 | EightHexDigits(second, bad);
  }
};

Result<WriterPtr> MakeString(const ClickHouseType& type, const WriterOptions& options) {
  if (!type.arguments.empty()) return TypeError(type, "expected no arguments");
  return WriterPtr(std::make_unique<StringWriter>(options));
}

Result<WriterPtr> MakeFixedString(const ClickHouseType& type, const WriterOptions& options) {
  constexpr std::int64_t kMost = 0xFFFFFF;  // ClickHouse's own limit.
  const bool good = type.arguments.size() == 1 &&
                    type.arguments[0].kind == TypeArgument::Kind::kNumber &&
                    type.arguments[0].number > 0 && type.arguments[0].number <= kMost;
  if (!good) return TypeError(type, "expected a length from 1 to 16777215");
  const auto width = static_cast<std::size_t>(type.arguments[0].number);
  return WriterPtr(std::make_unique<FixedStringWriter>(ToText(type), width, options));
}

Result<WriterPtr> MakeUuid(const ClickHouseType& type, const WriterOptions&) {
  if (!type.arguments.empty()) return TypeError(type, "expected no arguments");
  return WriterPtr(std::make_unique<FixedWriter<UuidCodec>>("UUID", UuidCodec()));
}

}  // namespace

std::span<const TypeFamily> TextTypes() {
  static constexpr std::array kTypes = {
      TypeFamily{"String", ValueKind::kString, MakeString},
      TypeFamily{"FixedString", ValueKind::kString, MakeFixedString},
      TypeFamily{"UUID", ValueKind::kParsed, MakeUuid},
  };
  return kTypes;
}

}  // namespace penstock::clickhouse
