#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clickhouse/null_taking_writer.h"
#include "clickhouse/variant_column.h"
#include "clickhouse/writer_factory.h"

namespace penstock::clickhouse {

namespace {

// Which kinds of type a JSON value may become, the closest first.
std::span<const ValueKind> KindsFor(JsonReader::Kind kind) {
  using enum ValueKind;
  static constexpr std::array kOfBool = {kBool, kAny};
  static constexpr std::array kOfNumber = {kInteger, kWideInteger, kDecimal, kFloat, kTime,
                                           kSpan,    kEnum,        kBool,    kAny};
  static constexpr std::array kOfString = {kParsed, kEnum,    kTime,        kSpan,
                                           kString, kDecimal, kWideInteger, kAny};
  static constexpr std::array kOfArray = {kArray, kTuple, kAny};
  static constexpr std::array kOfObject = {kTuple, kMap, kDocument, kAny};
  switch (kind) {
    case JsonReader::Kind::kFalse:
    case JsonReader::Kind::kTrue:
      return kOfBool;
    case JsonReader::Kind::kNumber:
      return kOfNumber;
    case JsonReader::Kind::kString:
      return kOfString;
    case JsonReader::Kind::kArray:
      return kOfArray;
    case JsonReader::Kind::kObject:
      return kOfObject;
    case JsonReader::Kind::kNull:
    case JsonReader::Kind::kFault:
      break;
  }
  return {};
}

// A value becomes the first alternative that takes it: those of the closest kind come first, those
// of one kind in their order in the type. Where several may, each is tried on a writer of its own.
class VariantWriter final : public NullTakingWriter {
 public:
  struct Alternative {
    ValueKind kind;
    WriterPtr writer;
    WriterPtr trial;
  };

  VariantWriter(std::string type, std::vector<Alternative> alternatives, bool texts)
      : NullTakingWriter(std::move(type)) {
    // A log takes one fault a row: with that one in it, those of trials cost nothing.
    tried_.AddAt(0, FaultKind::kWrongKind, {}, {});
    for (Alternative& one : alternatives) {
      const bool is_text = one.kind == ValueKind::kString;
      if (texts && is_text && !text_) text_ = column_.alternatives();
      kinds_.push_back(one.kind);
      trials_.push_back(std::move(one.trial));
      column_.AddAlternative(std::move(one.writer));
    }
    for (std::size_t kind = 0; kind < candidates_.size(); ++kind) {
      candidates_[kind] = CandidatesFor(static_cast<JsonReader::Kind>(kind));
    }
  }

  bool AppendText(std::string_view text, FaultLog& faults) override {
    for (const std::size_t i : candidates_[static_cast<std::size_t>(JsonReader::Kind::kString)]) {
      const bool fits = trials_[i]->AppendText(text, tried_);
      trials_[i]->Clear();
      if (!fits) continue;
      column_.AddRow(i);
      return column_.writer(i).AppendText(text, faults);
    }
    faults.Add(FaultKind::kWrongKind, type(), text);
    return false;
  }
  void AppendDefault() override { column_.AddNull(); }

  void Mark() override { column_.Mark(); }
  void Rollback() override { column_.Rollback(); }
  void Clear() override { column_.Clear(); }
  std::size_t bytes() const override { return column_.bytes(); }
  void WritePrefix(ByteSink& out) const override { column_.WritePrefix(out); }
  void WriteData(ByteSink& out) const override { column_.WriteData(out); }

 private:
  bool AppendValue(JsonReader::Kind kind, JsonReader& value, FaultLog& faults) override {
    const std::vector<std::size_t>& candidates = candidates_[static_cast<std::size_t>(kind)];
    if (candidates.size() == 1 && !text_) return Take(candidates.front(), value, faults);
    for (const std::size_t i : candidates) {
      if (Fits(i, value)) return Take(i, value, faults);
    }
    const std::string_view text = value.Skip();
    if (text_ && value.ok()) {
      column_.AddRow(*text_);
      return column_.writer(*text_).AppendText(text, faults);
    }
    faults.Add(value.ok() ? FaultKind::kWrongKind : FaultKind::kNotParsed, type(), text);
    return false;
  }

  static constexpr std::size_t kJsonKinds = static_cast<std::size_t>(JsonReader::Kind::kFault) + 1;

  std::vector<std::size_t> CandidatesFor(JsonReader::Kind json) const {
    std::vector<std::size_t> candidates;
    for (const ValueKind kind : KindsFor(json)) {
      for (std::size_t i = 0; i < kinds_.size(); ++i) {
        if (kinds_[i] == kind) candidates.push_back(i);
      }
    }
    return candidates;
  }

  bool Take(std::size_t i, JsonReader& value, FaultLog& faults) {
    column_.AddRow(i);
    return column_.writer(i).AppendJson(value, faults);
  }

  bool Fits(std::size_t i, JsonReader value) {
    const bool fits = trials_[i]->AppendJson(value, tried_);
    trials_[i]->Clear();
    return fits;
  }

  VariantColumn column_;
  std::vector<ValueKind> kinds_;
  std::vector<WriterPtr> trials_;
  std::array<std::vector<std::size_t>, kJsonKinds> candidates_;
  std::optional<std::size_t> text_;  // The String that what fits nothing else becomes, as its text.
  FaultLog tried_;
};

Result<WriterPtr> MakeVariant(const ClickHouseType& type, const WriterOptions& options) {
  if (type.arguments.empty() || type.arguments.size() > VariantColumn::kMostAlternatives) {
    return TypeError(type, "expected 1 to 255 types");
  }
  WriterOptions inside = options;
  inside.texts = false;
  inside.null_as_default = false;
  inside.null_as_empty = false;
  std::vector<VariantWriter::Alternative> alternatives;
  for (const TypeArgument& argument : type.arguments) {
    if (argument.kind != TypeArgument::Kind::kType) return TypeError(type, "expected types");
    const ClickHouseType& one = argument.type.at(0);
    PENSTOCK_ASSIGN_OR_RETURN(const ValueKind kind, KindOf(one));
    PENSTOCK_ASSIGN_OR_RETURN(WriterPtr writer, MakeWriter(one, inside));
    PENSTOCK_ASSIGN_OR_RETURN(WriterPtr trial, MakeWriter(one, inside));
    alternatives.push_back({kind, std::move(writer), std::move(trial)});
  }
  return WriterPtr(
      std::make_unique<VariantWriter>(ToText(type), std::move(alternatives), options.texts));
}

}  // namespace

std::span<const TypeFamily> VariantTypes() {
  static constexpr std::array kTypes = {TypeFamily{"Variant", ValueKind::kAny, MakeVariant}};
  return kTypes;
}

}  // namespace penstock::clickhouse
