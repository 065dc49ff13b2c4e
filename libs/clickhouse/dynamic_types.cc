#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clickhouse/null_taking_writer.h"
#include "clickhouse/number_text.h"
#include "clickhouse/writer_factory.h"

namespace penstock::clickhouse {

namespace {

void WriteNumber(ByteSink& out, std::uint64_t value) {
  out.Write(BytesOf(&value, sizeof(value)));
}

// JSON goes as the text of the object; the server takes it apart.
class DocumentWriter final : public ColumnWriter {
 public:
  explicit DocumentWriter(std::string type) : type_(std::move(type)) {}

  void Append(const ColumnSlice& slice, FaultLog& faults) override {
    if (FixedWidth(slice.column.type) == 0) return AppendTexts(slice, faults);
    AppendJsonCells(*this, slice, type_, faults);
  }
  bool AppendJson(JsonReader& value, FaultLog& faults) override {
    const JsonReader::Kind kind = value.Peek();
    JsonReader whole = value;
    const std::string_view text = value.Skip();
    if (kind == JsonReader::Kind::kObject && value.ok()) {
      data_.AppendText(text);
      return true;
    }
    const FaultKind fault = !value.ok()                       ? FaultKind::kNotParsed
                            : kind == JsonReader::Kind::kNull ? FaultKind::kNull
                                                              : FaultKind::kWrongKind;
    faults.Add(fault, type_, whole.Skip());
    AppendDefault();
    return false;
  }
  // The text of an object, as an expression or a key has it. Only its brackets are looked at here.
  bool AppendText(std::string_view text, FaultLog& faults) override {
    JsonReader value(text);
    const bool object = value.Peek() == JsonReader::Kind::kObject;
    value.Skip();
    const bool good = object && value.ok() && value.AtEnd();
    if (!good) faults.Add(FaultKind::kNotParsed, type_, text);
    data_.AppendText(good ? text : kEmpty);
    return good;
  }
  void AppendDefault() override { data_.AppendText(kEmpty); }

  void Mark() override { mark_ = data_.size(); }
  void Rollback() override { data_.Truncate(mark_); }
  void Clear() override { data_.Clear(); }
  std::size_t bytes() const override { return data_.size(); }
  void WritePrefix(ByteSink& out) const override {
    constexpr std::uint64_t kAsStrings = 1;
    WriteNumber(out, kAsStrings);
  }
  void WriteData(ByteSink& out) const override { out.Write(data_.view()); }

 private:
  static constexpr std::string_view kEmpty = "{}";  // Also where a row is null.

  // A cell is one JSON value, which was checked when the record was read.
  void AppendCell(std::string_view text, FaultLog& faults) {
    if (text.starts_with('{')) [[likely]] {
      return data_.AppendText(text);
    }
    JsonReader value(text);
    AppendJson(value, faults);
  }

  void AppendTexts(const ColumnSlice& slice, FaultLog& faults) {
    ReportGaps(slice, type_, faults);
    TextCursor cursor(slice.column);
    std::size_t at = 0;
    for (const RowRun& run : slice.runs) {
      cursor.Skip(run.begin - at);
      at = run.end;
      for (std::size_t row = run.begin; row < run.end; ++row) {
        const std::string_view text = cursor.Next();
        faults.set_row(row);
        if (slice.column.At(row) != Presence::kValue) {
          AppendDefault();
        } else if (slice.column.type == PhysicalType::kString) {
          AppendText(text, faults);
        } else {
          AppendCell(text, faults);
        }
      }
    }
    if (!cursor.ok()) faults.SetCorrupt();
  }

  const std::string type_;
  TextBuffer data_;
  std::size_t mark_ = 0;
};

// What a JSON value becomes in a Dynamic. Arrays of one kind of scalar are arrays of its type, all
// others arrays of Dynamic: so there are few types, whatever the values.
enum class Scalar : std::uint8_t { kBool, kInt64, kUInt64, kFloat64, kString, kJson };
constexpr std::array<std::string_view, 6> kScalarNames = {"Bool",    "Int64",  "UInt64",
                                                          "Float64", "String", "JSON"};
constexpr std::size_t kScalars = kScalarNames.size();

// The numbers of a Dynamic's types: scalars, arrays of them, arrays of Nullable ones, and last the
// array of Dynamic.
constexpr std::size_t kArraySlots = kScalars;
constexpr std::size_t kNullableArraySlots = 2 * kScalars;
constexpr std::size_t kMixedArraySlot = 3 * kScalars;
constexpr std::size_t kSlots = kMixedArraySlot + 1;

std::string SlotType(std::size_t slot) {
  const std::string_view scalar = kScalarNames[slot % kScalars];
  if (slot < kArraySlots) return std::string(scalar);
  if (slot < kNullableArraySlots) return fmt::format("Array({})", scalar);
  return slot < kMixedArraySlot ? fmt::format("Array(Nullable({}))", scalar) : "Array(Dynamic)";
}

Scalar ScalarOfNumber(std::string_view text) {
  if (text.find_first_of(".eE") != std::string_view::npos) return Scalar::kFloat64;
  WideInteger value;
  if (ParseInteger(text, value) != FaultKind::kNone) return Scalar::kFloat64;
  constexpr std::uint64_t kMinMagnitude = std::uint64_t{1} << 63;
  if (value.magnitude < kMinMagnitude) return Scalar::kInt64;
  if (!value.negative) return Scalar::kUInt64;
  return value.magnitude == kMinMagnitude ? Scalar::kInt64 : Scalar::kFloat64;
}

// Of any value but null and arrays; steps over it.
std::optional<Scalar> TakeScalar(JsonReader& value) {
  const JsonReader::Kind kind = value.Peek();
  const std::string_view text = value.Skip();
  switch (kind) {
    case JsonReader::Kind::kFalse:
    case JsonReader::Kind::kTrue:
      return Scalar::kBool;
    case JsonReader::Kind::kNumber:
      return ScalarOfNumber(text);
    case JsonReader::Kind::kString:
      return Scalar::kString;
    case JsonReader::Kind::kObject:
      return Scalar::kJson;
    case JsonReader::Kind::kNull:
    case JsonReader::Kind::kArray:
    case JsonReader::Kind::kFault:
      break;
  }
  return std::nullopt;
}

// `value` is an array.
std::size_t ArraySlot(JsonReader value) {
  std::optional<Scalar> common;
  bool nulls = false;
  for (value.Open(); value.NextElement();) {
    if (value.Peek() == JsonReader::Kind::kNull) {
      value.Skip();
      nulls = true;
      continue;
    }
    const std::optional<Scalar> scalar = TakeScalar(value);
    if (!scalar || (common && *common != *scalar)) return kMixedArraySlot;
    common = scalar;
  }
  const auto scalar = static_cast<std::size_t>(common.value_or(Scalar::kString));
  return (nulls ? kNullableArraySlots : kArraySlots) + scalar;
}

// Each value in the closest type. A block lists the types that it has ("flattened").
class DynamicWriter final : public NullTakingWriter {
 public:
  DynamicWriter(std::string type, int depth) : NullTakingWriter(std::move(type)), depth_(depth) {}

  bool AppendText(std::string_view text, FaultLog& faults) override {
    constexpr auto kSlot = static_cast<std::size_t>(Scalar::kString);
    AddRow(kSlot);
    return writers_[kSlot]->AppendText(text, faults);
  }
  void AppendDefault() override { rows_.push_back(kNull); }

  void Mark() override {
    mark_ = rows_.size();
    for (const WriterPtr& writer : writers_) {
      if (writer != nullptr) writer->Mark();
    }
  }
  void Rollback() override {
    rows_.resize(mark_);
    for (const WriterPtr& writer : writers_) {
      if (writer != nullptr) writer->Rollback();
    }
  }
  void Clear() override {
    rows_.clear();
    for (const WriterPtr& writer : writers_) {
      if (writer != nullptr) writer->Clear();
    }
  }
  std::size_t bytes() const override {
    std::size_t bytes = rows_.size();
    for (const WriterPtr& writer : writers_) bytes += writer != nullptr ? writer->bytes() : 0;
    return bytes;
  }
  void WritePrefix(ByteSink& out) const override {
    constexpr std::uint64_t kFlattened = 3;
    WriteNumber(out, kFlattened);
    std::string types;
    const Numbers numbers = NumberTypes();
    AppendVarint(types, numbers.count);
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      if (numbers.of_slot[slot] != kNull) AppendString(types, SlotType(slot));
    }
    out.Write(types);
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      if (numbers.of_slot[slot] != kNull) writers_[slot]->WritePrefix(out);
    }
  }
  // Each row's type by its number in the list, null by the one behind the last.
  void WriteData(ByteSink& out) const override {
    const Numbers numbers = NumberTypes();
    std::string rows(rows_.size(), static_cast<char>(numbers.count));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows_[i] != kNull) rows[i] = static_cast<char>(numbers.of_slot[rows_[i]]);
    }
    out.Write(rows);
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      if (numbers.of_slot[slot] != kNull) writers_[slot]->WriteData(out);
    }
  }

 private:
  bool AppendValue(JsonReader::Kind kind, JsonReader& value, FaultLog& faults) override {
    std::optional<std::size_t> slot;
    if (kind == JsonReader::Kind::kArray) {
      slot = ArraySlot(value);
    } else {
      JsonReader ahead = value;
      const std::optional<Scalar> scalar = TakeScalar(ahead);
      if (scalar) slot = static_cast<std::size_t>(*scalar);
    }
    const bool too_deep = slot == kMixedArraySlot && depth_ == kMostDepth;
    if (!slot || too_deep) {
      faults.Add(FaultKind::kNotParsed, type(), value.Skip());
      return false;
    }
    AddRow(*slot);
    return writers_[*slot]->AppendJson(value, faults);
  }

  static constexpr std::uint8_t kNull = 255;
  // Arrays of Dynamic in each other; each level costs a frame of the stack.
  static constexpr int kMostDepth = 32;

  struct Numbers {
    std::array<std::uint8_t, kSlots> of_slot;  // kNull: no row has the type.
    std::uint8_t count = 0;
  };
  Numbers NumberTypes() const {
    std::array<bool, kSlots> used{};
    for (const std::uint8_t slot : rows_) {
      if (slot != kNull) used[slot] = true;
    }
    Numbers numbers;
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      numbers.of_slot[slot] = used[slot] ? numbers.count++ : kNull;
    }
    return numbers;
  }

  void AddRow(std::size_t slot) {
    rows_.push_back(static_cast<std::uint8_t>(slot));
    if (writers_[slot] != nullptr) return;
    auto type = ParseClickHouseType(SlotType(slot));
    PENSTOCK_CHECK(type.ok(), "the types of a Dynamic can be read");
    auto writer = MakeWriter(type.value(), {.dynamic_depth = depth_ + 1});
    PENSTOCK_CHECK(writer.ok(), "the types of a Dynamic can be written");
    writers_[slot] = std::move(writer).value();
  }

  const int depth_;
  std::array<WriterPtr, kSlots> writers_;
  std::vector<std::uint8_t> rows_;
  std::size_t mark_ = 0;
};

Result<WriterPtr> MakeJson(const ClickHouseType& type, const WriterOptions&) {
  return WriterPtr(std::make_unique<DocumentWriter>(type.name));
}

Result<WriterPtr> MakeDynamic(const ClickHouseType& type, const WriterOptions& options) {
  return WriterPtr(std::make_unique<DynamicWriter>(type.name, options.dynamic_depth));
}

}  // namespace

std::span<const TypeFamily> DynamicTypes() {
  static constexpr std::array kTypes = {
      TypeFamily{"JSON", ValueKind::kDocument, MakeJson},
      TypeFamily{"Dynamic", ValueKind::kAny, MakeDynamic},
  };
  return kTypes;
}

}  // namespace penstock::clickhouse
