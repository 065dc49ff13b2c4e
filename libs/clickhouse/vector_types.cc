#include <array>
#include <memory>
#include <string>
#include <utility>

#include "base/check.h"
#include "clickhouse/writer_factory.h"

namespace penstock::clickhouse {

namespace {

// QBit: vectors of one length, stored bit by bit: first the highest bit of all of a row's numbers,
// for all rows, then the next one. In each such string the first number has the lowest bit of the
// last byte.
class BitPlaneWriter final : public ColumnWriter {
 public:
  BitPlaneWriter(std::string type, WriterPtr numbers, std::size_t length)
      : type_(std::move(type)),
        numbers_(std::move(numbers)),
        length_(length),
        width_(numbers_->plain()->width) {}

  void Append(const ColumnSlice& slice, FaultLog& faults) override {
    AppendJsonCells(*this, slice, type_, faults);
  }
  bool AppendJson(JsonReader& value, FaultLog& faults) override {
    JsonReader whole = value;
    const JsonReader::Kind kind = value.Peek();
    if (kind != JsonReader::Kind::kArray) {
      const bool null = kind == JsonReader::Kind::kNull;
      faults.Add(null ? FaultKind::kNull : FaultKind::kWrongKind, type_, whole.Skip());
      return false;
    }
    std::size_t elements = 0;
    bool more = false;
    value.Open();
    while ((more = value.NextElement()) && elements < length_) {
      if (!numbers_->AppendJson(value, faults)) return false;
      ++elements;
    }
    if (!more && elements == length_ && value.ok()) return true;
    faults.Add(FaultKind::kNotParsed, type_, whole.Skip());
    return false;
  }
  bool AppendText(std::string_view text, FaultLog& faults) override {
    JsonReader value(text);
    return AppendJson(value, faults);
  }
  void AppendDefault() override {
    for (std::size_t i = 0; i < length_; ++i) numbers_->AppendDefault();
  }

  void Mark() override { numbers_->Mark(); }
  void Rollback() override { numbers_->Rollback(); }
  void Clear() override { numbers_->Clear(); }
  std::size_t bytes() const override { return numbers_->bytes(); }
  void WriteData(ByteSink& out) const override {
    const std::string_view data = numbers_->plain()->data;
    const std::size_t row_bytes = length_ * width_;
    const std::size_t plane_bytes = (length_ + 7) / 8;
    std::string plane;
    for (std::size_t bit = width_ * 8; bit-- > 0;) {
      plane.assign(data.size() / row_bytes * plane_bytes, '\0');
      for (std::size_t row = 0; row * row_bytes < data.size(); ++row) {
        const char* const from = data.data() + row * row_bytes + bit / 8;
        char* const last = plane.data() + (row + 1) * plane_bytes - 1;
        for (std::size_t i = 0; i < length_; ++i) {
          const unsigned set = static_cast<unsigned char>(from[i * width_]) >> bit % 8 & 1U;
          last[-static_cast<std::ptrdiff_t>(i / 8)] |= static_cast<char>(set << i % 8);
        }
      }
      out.Write(plane);
    }
  }

 private:
  const std::string type_;
  WriterPtr numbers_;
  const std::size_t length_;
  const std::size_t width_;
};

Result<WriterPtr> MakeQBit(const ClickHouseType& type, const WriterOptions&) {
  constexpr std::int64_t kMostLength = 1 << 20;
  const bool good = type.arguments.size() == 2 &&
                    type.arguments[0].kind == TypeArgument::Kind::kType &&
                    type.arguments[1].kind == TypeArgument::Kind::kNumber &&
                    type.arguments[1].number > 0 && type.arguments[1].number <= kMostLength;
  if (!good) return TypeError(type, "expected a type of floats and a length");
  const ClickHouseType& element = type.arguments[0].type.at(0);
  PENSTOCK_ASSIGN_OR_RETURN(const ValueKind kind, KindOf(element));
  if (kind != ValueKind::kFloat) return TypeError(type, "expected a type of floats");
  PENSTOCK_ASSIGN_OR_RETURN(WriterPtr numbers, MakeWriter(element, {}));
  if (!numbers->plain()) return TypeError(type, "expected a type of floats");
  return WriterPtr(std::make_unique<BitPlaneWriter>(
      ToText(type), std::move(numbers), static_cast<std::size_t>(type.arguments[1].number)));
}

}  // namespace

std::span<const TypeFamily> VectorTypes() {
  static constexpr std::array kTypes = {TypeFamily{"QBit", ValueKind::kArray, MakeQBit}};
  return kTypes;
}

}  // namespace penstock::clickhouse
