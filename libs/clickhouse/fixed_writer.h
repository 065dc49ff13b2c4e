#pragma once

#include <concepts>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "clickhouse/column_writer.h"
#include "clickhouse/number_text.h"

namespace penstock::clickhouse {

/// The writer of every type whose values have one width. `Codec` knows the type: it has `Out`,
/// the value as it lies in Native, and overloads
///   FaultKind Convert(bool | std::int64_t | std::uint64_t | double | std::string_view, Out&)
/// A kind of value that it has no overload for is refused.
template <typename Codec>
class FixedWriter final : public ColumnWriter {
 public:
  using Out = typename Codec::Out;

  FixedWriter(std::string type, Codec codec) : type_(std::move(type)), codec_(std::move(codec)) {}

  void Append(const ColumnSlice& slice, FaultLog& faults) override {
    ReportGaps(slice, type_, faults);
    const std::size_t before = values_.size();
    values_.resize(before + slice.rows);
    Out* const out = values_.data() + before;
    switch (slice.column.type) {
      case PhysicalType::kBool:
        return AppendFixed<std::uint8_t, bool>(slice, out, faults);
      case PhysicalType::kInt64:
        return AppendFixed<std::int64_t, std::int64_t>(slice, out, faults);
      case PhysicalType::kUint64:
        return AppendFixed<std::uint64_t, std::uint64_t>(slice, out, faults);
      case PhysicalType::kFloat64:
        return AppendFixed<double, double>(slice, out, faults);
      case PhysicalType::kString:
      case PhysicalType::kJson:
        return AppendTexts(slice, out, faults);
    }
  }

  bool AppendJson(JsonReader& value, FaultLog& faults) override {
    Out out{};
    const FaultKind fault = ConvertJson(value, out, faults);
    values_.push_back(out);
    return fault == FaultKind::kNone && value.ok();
  }
  bool AppendText(std::string_view text, FaultLog& faults) override {
    Out out{};
    const FaultKind fault = kTakes<std::string_view> ? ConvertOne<std::string_view>(text, out)
                                                     : ConvertNumber(text, out);
    if (fault != FaultKind::kNone) faults.Add(fault, type_, text);
    values_.push_back(out);
    return fault == FaultKind::kNone;
  }
  void AppendDefault() override { values_.push_back(codec_.Default()); }

  void Mark() override { mark_ = values_.size(); }
  void Rollback() override { values_.resize(mark_); }
  void Clear() override { values_.clear(); }
  std::size_t bytes() const override { return values_.size() * sizeof(Out); }
  void WriteData(ByteSink& out) const override { out.Write(Data()); }
  std::optional<Plain> plain() const override { return Plain{Data(), sizeof(Out)}; }

 private:
  std::string_view Data() const { return BytesOf(values_.data(), bytes()); }

  // Exactly this overload: a number does not pass for a bool.
  template <typename In>
  static constexpr bool kTakes = requires {
    static_cast<FaultKind (Codec::*)(In, Out&) const>(&Codec::Convert);
  };

  template <typename In>
  FaultKind ConvertOne(In in, Out& out) const {
    if constexpr (kTakes<In>) {
      return codec_.Convert(in, out);
    } else {
      return FaultKind::kWrongKind;
    }
  }

  // `Stored` is what the column holds, `In` what the codec takes.
  template <typename Stored, typename In>
  void AppendFixed(const ColumnSlice& slice, Out* out, FaultLog& faults) {
    const bool gaps = slice.column.HasGaps();
    for (const RowRun& run : slice.runs) {
      const std::size_t rows = run.end - run.begin;
      if (!gaps && ConvertRun<Stored>(slice.column, run, out)) {
        out += rows;
        continue;
      }
      for (std::size_t row = run.begin; row < run.end; ++row, ++out) {
        if (gaps && slice.column.At(row) != Presence::kValue) {
          *out = codec_.Default();
          continue;
        }
        const FaultKind fault =
            ConvertOne<In>(static_cast<In>(slice.column.template Fixed<Stored>(row)), *out);
        if (fault != FaultKind::kNone) [[unlikely]] {
          faults.AddAt(row, fault, type_, ValueText(slice.column, row));
        }
      }
    }
  }

  // The run at one go where a type has a way to (integers: no branch a value). False: not done,
  // or some value is out of range.
  template <typename Stored>
  bool ConvertRun(const ColumnView& column, const RowRun& run, Out* out) const {
    if constexpr (requires { codec_.template ConvertAll<Stored>(nullptr, run.begin, out); }) {
      return codec_.template ConvertAll<Stored>(column.data.data() + run.begin * sizeof(Stored),
                                                run.end - run.begin, out);
    } else {
      return false;
    }
  }

  void AppendTexts(const ColumnSlice& slice, Out* out, FaultLog& faults) {
    const bool json = slice.column.type == PhysicalType::kJson;
    TextCursor cursor(slice.column);
    std::size_t at = 0;
    for (const RowRun& run : slice.runs) {
      cursor.Skip(run.begin - at);
      at = run.end;
      for (std::size_t row = run.begin; row < run.end; ++row, ++out) {
        const std::string_view text = cursor.Next();
        if (slice.column.At(row) != Presence::kValue) {
          *out = codec_.Default();
        } else if (json) {
          faults.set_row(row);
          JsonReader value(text);
          ConvertJson(value, *out, faults);
        } else if (const FaultKind fault = ConvertOne<std::string_view>(text, *out);
                   fault != FaultKind::kNone) [[unlikely]] {
          faults.AddAt(row, fault, type_, text);
        }
      }
    }
    if (!cursor.ok()) faults.SetCorrupt();
  }

  FaultKind ConvertJson(JsonReader& value, Out& out, FaultLog& faults) {
    JsonReader whole = value;
    const FaultKind fault = ConvertJsonValue(value, out);
    if (fault != FaultKind::kNone || !value.ok()) [[unlikely]] {
      faults.Add(fault == FaultKind::kNone ? FaultKind::kNotParsed : fault, type_, whole.Skip());
    }
    return fault;
  }

  FaultKind ConvertJsonValue(JsonReader& value, Out& out) {
    switch (value.Peek()) {
      case JsonReader::Kind::kNull:
        return FaultKind::kNull;
      case JsonReader::Kind::kFalse:
        value.Skip();
        return ConvertOne<bool>(false, out);
      case JsonReader::Kind::kTrue:
        value.Skip();
        return ConvertOne<bool>(true, out);
      case JsonReader::Kind::kString:
        return ConvertOne<std::string_view>(value.String(scratch_), out);
      case JsonReader::Kind::kNumber:
        return ConvertNumber(value.Number(), out);
      case JsonReader::Kind::kArray:
      case JsonReader::Kind::kObject:
      case JsonReader::Kind::kFault:
        break;
    }
    return FaultKind::kWrongKind;
  }

  // Integers stay integers; the rest becomes a double where the type takes one.
  FaultKind ConvertNumber(std::string_view text, Out& out) const {
    if constexpr (requires { codec_.ConvertNumber(text, out); }) {
      return codec_.ConvertNumber(text, out);
    } else {
      WideInteger integer;
      const FaultKind fault = ParseInteger(text, integer);
      if (fault == FaultKind::kNone) return ConvertInteger(integer, out);
      if constexpr (kTakes<double>) {
        double number = 0;
        const FaultKind parsed = ParseDouble(text, number);
        return parsed == FaultKind::kNone ? ConvertOne<double>(number, out) : parsed;
      } else {
        return fault;
      }
    }
  }

  FaultKind ConvertInteger(const WideInteger& value, Out& out) const {
    if (!value.negative) return ConvertOne<std::uint64_t>(value.magnitude, out);
    constexpr std::uint64_t kMinMagnitude = std::uint64_t{1} << 63;
    if (value.magnitude > kMinMagnitude) return FaultKind::kOutOfRange;
    return ConvertOne<std::int64_t>(static_cast<std::int64_t>(0 - value.magnitude), out);
  }

  const std::string type_;
  const Codec codec_;
  std::vector<Out> values_;
  std::size_t mark_ = 0;
  std::string scratch_;
};

}  // namespace penstock::clickhouse
