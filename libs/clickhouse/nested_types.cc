#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "clickhouse/writer_factory.h"

namespace penstock::clickhouse {

namespace {

// The ends of each row's elements: how Native says which elements are whose.
class Offsets {
 public:
  void Append(std::size_t elements) {
    total_ += elements;
    ends_.push_back(total_);
  }
  void Mark() { mark_ = ends_.size(); }
  void Rollback() {
    ends_.resize(mark_);
    total_ = ends_.empty() ? 0 : ends_.back();
  }
  void Clear() {
    ends_.clear();
    total_ = 0;
  }
  std::size_t bytes() const { return ends_.size() * sizeof(std::uint64_t); }
  void Write(ByteSink& out) const { out.Write(BytesOf(ends_.data(), bytes())); }

 private:
  std::vector<std::uint64_t> ends_;
  std::uint64_t total_ = 0;
  std::size_t mark_ = 0;
};

class ArrayWriter final : public ColumnWriter {
 public:
  ArrayWriter(std::string type, WriterPtr inner)
      : type_(std::move(type)), inner_(std::move(inner)), texts_(inner_->texts()) {}

  void Append(const ColumnSlice& slice, FaultLog& faults) override {
    AppendJsonCells(*this, slice, type_, faults);
  }
  bool AppendJson(JsonReader& value, FaultLog& faults) override {
    const JsonReader::Kind kind = value.Peek();
    if (kind != JsonReader::Kind::kArray) {
      const bool null = kind == JsonReader::Kind::kNull;
      faults.Add(null ? FaultKind::kNull : FaultKind::kWrongKind, type_, value.Skip());
      offsets_.Append(0);
      return false;
    }
    JsonReader whole = value;
    std::size_t elements = 0;
    bool good = true;
    std::string_view text;
    for (value.Open(); good; ++elements) {
      if (texts_ != nullptr && value.TakePlainElement(text)) {
        texts_->AppendText(text, value.readable());
      } else if (value.NextElement()) {
        good = inner_->AppendJson(value, faults);
      } else {
        break;
      }
    }
    offsets_.Append(elements);
    if (!value.ok()) faults.Add(FaultKind::kNotParsed, type_, whole.Skip());
    return good && value.ok();
  }
  bool AppendText(std::string_view text, FaultLog& faults) override {
    JsonReader value(text);
    return AppendJson(value, faults);
  }
  void AppendDefault() override { offsets_.Append(0); }

  void Mark() override { offsets_.Mark(), inner_->Mark(); }
  void Rollback() override { offsets_.Rollback(), inner_->Rollback(); }
  void Clear() override { offsets_.Clear(), inner_->Clear(); }
  std::size_t bytes() const override { return offsets_.bytes() + inner_->bytes(); }
  void WritePrefix(ByteSink& out) const override { inner_->WritePrefix(out); }
  void WriteData(ByteSink& out) const override {
    offsets_.Write(out);
    inner_->WriteData(out);
  }

 private:
  const std::string type_;
  WriterPtr inner_;
  TextBuffer* const texts_;  // Where strings go straight away; nullptr: they cannot.
  Offsets offsets_;
};

// The keys of one JSON object: of equal ones the first counts.
class KeySet {
 public:
  void Clear() {
    count_ = 0;
    marks_ = 0;
    if (!many_.empty()) many_.clear();
    if (!copies_.empty()) copies_.clear();
  }
  /// False: it was there already. The view is kept; one into a buffer that changes is `fleeting`.
  bool Add(std::string_view key, bool fleeting) {
    if (count_ == kFew) return AddToMany(key);
    const std::uint64_t head = HeadOf(key);
    const std::uint64_t mark = std::uint64_t{1} << (head * 0x9E37'79B9'7F4A'7C15 >> 58);
    if ((marks_ & mark) != 0 && Knows(head, key)) return false;
    marks_ |= mark;
    heads_[count_] = head;
    few_[count_++] = fleeting ? std::string_view(copies_.emplace_back(key)) : key;
    return true;
  }

 private:
  static constexpr std::size_t kFew = 16;  // Up to here a scan beats hashing.

  // The length and some bytes: tells most keys apart.
  static std::uint64_t HeadOf(std::string_view key) {
    const char* const at = key.data();
    const std::size_t size = key.size();
    std::uint64_t bytes = 0;
    if (size >= 8) {
      bytes = LoadUnaligned<std::uint64_t>(at) ^ LoadUnaligned<std::uint64_t>(at + size - 8) << 1;
    } else if (size >= 4) {
      bytes = LoadUnaligned<std::uint32_t>(at) |
              static_cast<std::uint64_t>(LoadUnaligned<std::uint32_t>(at + size - 4)) << 24;
    } else if (size > 0) {
      bytes = static_cast<unsigned char>(at[0]) + 256U * static_cast<unsigned char>(at[size / 2]) +
              65'536U * static_cast<unsigned char>(at[size - 1]);
    }
    return bytes ^ static_cast<std::uint64_t>(size) << 56;
  }

  bool Knows(std::uint64_t head, std::string_view key) const {
    for (std::size_t i = 0; i < count_; ++i) {
      if (heads_[i] == head && few_[i] == key) return true;
    }
    return false;
  }

  bool AddToMany(std::string_view key) {
    if (many_.empty()) {
      for (const std::string_view known : few_) many_.emplace(known);
    }
    return many_.emplace(key).second;
  }

  std::uint64_t marks_ = 0;  // A bit for each head that is there: most new keys have another one.
  std::array<std::uint64_t, kFew> heads_{};
  std::array<std::string_view, kFew> few_;
  std::size_t count_ = 0;
  std::deque<std::string> copies_;  // Of keys in few_ that were fleeting.
  std::unordered_set<std::string> many_;
};

class MapWriter final : public ColumnWriter {
 public:
  MapWriter(std::string type, WriterPtr keys, WriterPtr values)
      : type_(std::move(type)),
        keys_(std::move(keys)),
        values_(std::move(values)),
        key_texts_(keys_->texts()),
        value_texts_(values_->texts()),
        texts_(key_texts_ != nullptr && value_texts_ != nullptr) {}

  void Append(const ColumnSlice& slice, FaultLog& faults) override {
    AppendJsonCells(*this, slice, type_, faults);
  }
  bool AppendJson(JsonReader& value, FaultLog& faults) override {
    const JsonReader::Kind kind = value.Peek();
    if (kind != JsonReader::Kind::kObject) {
      const bool null = kind == JsonReader::Kind::kNull;
      faults.Add(null ? FaultKind::kNull : FaultKind::kWrongKind, type_, value.Skip());
      offsets_.Append(0);
      return false;
    }
    // Nested maps are other writers with key sets of their own.
    seen_.Clear();
    JsonReader whole = value;
    std::size_t members = 0;
    bool good = true;
    value.Open();
    for (std::string_view key, text; good;) {
      if (texts_ && value.TakePlainMember(key, text)) {
        if (!seen_.Add(key, false)) continue;
        key_texts_->AppendText(key, value.readable());
        value_texts_->AppendText(text, value.readable());
      } else if (value.NextMember(key, scratch_)) {
        if (!seen_.Add(key, key.data() == scratch_.data())) {
          value.Skip();
          continue;
        }
        good = keys_->AppendText(key, faults) && values_->AppendJson(value, faults);
      } else {
        break;
      }
      ++members;
    }
    offsets_.Append(members);
    if (!value.ok()) faults.Add(FaultKind::kNotParsed, type_, whole.Skip());
    return good && value.ok();
  }
  bool AppendText(std::string_view text, FaultLog& faults) override {
    JsonReader value(text);
    return AppendJson(value, faults);
  }
  void AppendDefault() override { offsets_.Append(0); }

  void Mark() override { offsets_.Mark(), keys_->Mark(), values_->Mark(); }
  void Rollback() override { offsets_.Rollback(), keys_->Rollback(), values_->Rollback(); }
  void Clear() override { offsets_.Clear(), keys_->Clear(), values_->Clear(); }
  std::size_t bytes() const override {
    return offsets_.bytes() + keys_->bytes() + values_->bytes();
  }
  void WritePrefix(ByteSink& out) const override {
    keys_->WritePrefix(out);
    values_->WritePrefix(out);
  }
  void WriteData(ByteSink& out) const override {
    offsets_.Write(out);
    keys_->WriteData(out);
    values_->WriteData(out);
  }

 private:
  const std::string type_;
  WriterPtr keys_;
  WriterPtr values_;
  TextBuffer* const key_texts_;
  TextBuffer* const value_texts_;
  const bool texts_;  // Both are there: strings go straight into them.
  Offsets offsets_;
  KeySet seen_;
  std::string scratch_;
};

// One byte a row, then the values; a null's value is the default.
class NullableWriter final : public ColumnWriter {
 public:
  NullableWriter(WriterPtr inner, std::string type)
      : type_(std::move(type)), inner_(std::move(inner)) {}

  void Append(const ColumnSlice& slice, FaultLog& faults) override {
    // A cell of JSON text may itself say null.
    if (slice.column.type == PhysicalType::kJson) {
      ColumnSlice with_gaps = slice;
      with_gaps.gaps_allowed = true;
      return AppendJsonCells(*this, with_gaps, type_, faults);
    }
    for (const RowRun& run : slice.runs) {
      if (!slice.column.HasGaps()) {
        nulls_.append(run.end - run.begin, '\0');
        continue;
      }
      for (std::size_t row = run.begin; row < run.end; ++row) {
        nulls_.push_back(slice.column.At(row) == Presence::kValue ? '\0' : '\1');
      }
    }
    ColumnSlice with_gaps = slice;
    with_gaps.gaps_allowed = true;
    inner_->Append(with_gaps, faults);
  }
  bool AppendJson(JsonReader& value, FaultLog& faults) override {
    if (value.Peek() == JsonReader::Kind::kNull) {
      value.Skip();
      AppendDefault();
      return true;
    }
    nulls_.push_back('\0');
    return inner_->AppendJson(value, faults);
  }
  bool AppendText(std::string_view text, FaultLog& faults) override {
    nulls_.push_back('\0');
    return inner_->AppendText(text, faults);
  }
  void AppendDefault() override {
    nulls_.push_back('\1');
    inner_->AppendDefault();
  }

  void Mark() override { mark_ = nulls_.size(), inner_->Mark(); }
  void Rollback() override { nulls_.resize(mark_), inner_->Rollback(); }
  void Clear() override { nulls_.clear(), inner_->Clear(); }
  std::size_t bytes() const override { return nulls_.size() + inner_->bytes(); }
  void WritePrefix(ByteSink& out) const override { inner_->WritePrefix(out); }
  void WriteData(ByteSink& out) const override {
    out.Write(nulls_);
    inner_->WriteData(out);
  }

 private:
  const std::string type_;
  WriterPtr inner_;
  std::string nulls_;
  std::size_t mark_ = 0;
};

// Null is the type's default.
class DefaultingWriter final : public ColumnWriter {
 public:
  DefaultingWriter(WriterPtr inner, std::string type)
      : type_(std::move(type)), inner_(std::move(inner)) {}

  void Append(const ColumnSlice& slice, FaultLog& faults) override {
    ColumnSlice with_gaps = slice;
    with_gaps.gaps_allowed = true;
    // A cell of JSON text may itself say null.
    if (slice.column.type == PhysicalType::kJson) {
      return AppendJsonCells(*this, with_gaps, type_, faults);
    }
    inner_->Append(with_gaps, faults);
  }
  bool AppendJson(JsonReader& value, FaultLog& faults) override {
    if (value.Peek() != JsonReader::Kind::kNull) return inner_->AppendJson(value, faults);
    value.Skip();
    inner_->AppendDefault();
    return true;
  }
  bool AppendText(std::string_view text, FaultLog& faults) override {
    return inner_->AppendText(text, faults);
  }
  void AppendDefault() override { inner_->AppendDefault(); }

  void Mark() override { inner_->Mark(); }
  void Rollback() override { inner_->Rollback(); }
  void Clear() override { inner_->Clear(); }
  std::size_t bytes() const override { return inner_->bytes(); }
  void WritePrefix(ByteSink& out) const override { inner_->WritePrefix(out); }
  void WriteData(ByteSink& out) const override { inner_->WriteData(out); }
  std::optional<Plain> plain() const override { return inner_->plain(); }

 private:
  const std::string type_;
  WriterPtr inner_;
};

Result<WriterPtr> MakeArray(const ClickHouseType& type, const WriterOptions& options) {
  PENSTOCK_ASSIGN_OR_RETURN(const ClickHouseType* inner, OnlyType(type));
  WriterOptions inside = options;
  inside.null_as_empty = false;
  PENSTOCK_ASSIGN_OR_RETURN(WriterPtr writer, MakeWriter(*inner, inside));
  return MakeArrayWriter(std::move(writer), ToText(type));
}

// Strings among a map's values take any value as text and null as "", as in the reference, which
// makes all of them strings.
Result<WriterPtr> MakeMap(const ClickHouseType& type, const WriterOptions& options) {
  const bool good = type.arguments.size() == 2 &&
                    type.arguments[0].kind == TypeArgument::Kind::kType &&
                    type.arguments[1].kind == TypeArgument::Kind::kType;
  if (!good) return TypeError(type, "expected the types of keys and values");
  const ClickHouseType& key = type.arguments[0].type.at(0);
  PENSTOCK_ASSIGN_OR_RETURN(WriterPtr keys, MakeWriter(key, options));
  WriterOptions inside = options;
  inside.texts = true;
  inside.null_as_empty = true;
  PENSTOCK_ASSIGN_OR_RETURN(WriterPtr values, MakeWriter(type.arguments[1].type.at(0), inside));
  return WriterPtr(std::make_unique<MapWriter>(ToText(type), std::move(keys), std::move(values)));
}

}  // namespace

WriterPtr MakeArrayWriter(WriterPtr inner, std::string type) {
  return std::make_unique<ArrayWriter>(std::move(type), std::move(inner));
}

WriterPtr MakeDefaultingWriter(WriterPtr inner, std::string type) {
  return std::make_unique<DefaultingWriter>(std::move(inner), std::move(type));
}

WriterPtr MakeNullableWriter(WriterPtr inner, std::string type) {
  return std::make_unique<NullableWriter>(std::move(inner), std::move(type));
}

std::span<const TypeFamily> NestedTypes() {
  static constexpr std::array kTypes = {
      TypeFamily{"Array", ValueKind::kArray, MakeArray},
      TypeFamily{"Map", ValueKind::kMap, MakeMap},
  };
  return kTypes;
}

}  // namespace penstock::clickhouse
