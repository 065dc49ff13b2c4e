#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "clickhouse/writer_factory.h"

namespace penstock::clickhouse {

namespace {

// Feeds `writer` a null: what a member that is missing counts as.
bool AppendNull(ColumnWriter& writer, FaultLog& faults) {
  JsonReader null("null");
  return writer.AppendJson(null, faults);
}

// One column after the other. An object's members go by name, of equal ones the first counts and
// those without an element are left out; an array's elements go by place and must be as many.
class TupleWriter final : public ColumnWriter {
 public:
  struct Element {
    std::string name;  // Empty: it has none.
    WriterPtr writer;
  };

  TupleWriter(std::string type, std::vector<Element> elements)
      : type_(std::move(type)), elements_(std::move(elements)), seen_(elements_.size()) {}

  void Append(const ColumnSlice& slice, FaultLog& faults) override {
    AppendJsonCells(*this, slice, type_, faults);
  }
  bool AppendJson(JsonReader& value, FaultLog& faults) override {
    const JsonReader::Kind kind = value.Peek();
    JsonReader whole = value;
    bool good = false;
    if (kind == JsonReader::Kind::kArray) {
      good = AppendArray(value, whole, faults);
    } else if (kind == JsonReader::Kind::kObject && named()) {
      good = AppendObject(value, faults);
    } else {
      const bool null = kind == JsonReader::Kind::kNull;
      faults.Add(null ? FaultKind::kNull : FaultKind::kWrongKind, type_, value.Skip());
      return false;
    }
    ++rows_;
    if (good && !value.ok()) faults.Add(FaultKind::kNotParsed, type_, whole.Skip());
    return good && value.ok();
  }
  bool AppendText(std::string_view text, FaultLog& faults) override {
    JsonReader value(text);
    return AppendJson(value, faults);
  }
  void AppendDefault() override {
    ++rows_;
    for (Element& element : elements_) element.writer->AppendDefault();
  }

  void Mark() override {
    mark_ = rows_;
    for (Element& element : elements_) element.writer->Mark();
  }
  void Rollback() override {
    rows_ = mark_;
    for (Element& element : elements_) element.writer->Rollback();
  }
  void Clear() override {
    rows_ = 0;
    for (Element& element : elements_) element.writer->Clear();
  }
  std::size_t bytes() const override {
    std::size_t bytes = elements_.empty() ? rows_ : 0;
    for (const Element& element : elements_) bytes += element.writer->bytes();
    return bytes;
  }
  void WritePrefix(ByteSink& out) const override {
    for (const Element& element : elements_) element.writer->WritePrefix(out);
  }
  void WriteData(ByteSink& out) const override {
    // A tuple without elements takes a byte a row.
    if (elements_.empty()) return out.Write(std::string(rows_, '0'));
    for (const Element& element : elements_) element.writer->WriteData(out);
  }

 private:
  bool named() const { return elements_.empty() || !elements_.front().name.empty(); }

  bool AppendArray(JsonReader& value, JsonReader whole, FaultLog& faults) {
    std::size_t i = 0;
    bool more = false;
    value.Open();
    while ((more = value.NextElement()) && i < elements_.size()) {
      if (!elements_[i++].writer->AppendJson(value, faults)) return false;
    }
    if (!more && i == elements_.size() && value.ok()) return true;
    faults.Add(FaultKind::kNotParsed, type_, whole.Skip());
    return false;
  }

  bool AppendObject(JsonReader& value, FaultLog& faults) {
    seen_.assign(elements_.size(), false);
    std::string_view key;
    std::size_t next = 0;
    for (value.Open(); value.NextMember(key, scratch_);) {
      const std::size_t i = Find(key, next);
      if (i == elements_.size() || seen_[i]) {
        value.Skip();
        continue;
      }
      seen_[i] = true;
      next = i + 1;
      if (!elements_[i].writer->AppendJson(value, faults)) return false;
    }
    for (std::size_t i = 0; i < elements_.size(); ++i) {
      if (!seen_[i] && !AppendNull(*elements_[i].writer, faults)) return false;
    }
    return true;
  }

  // Mostly the members come in the elements' order.
  std::size_t Find(std::string_view key, std::size_t guess) const {
    if (guess < elements_.size() && elements_[guess].name == key) return guess;
    std::size_t i = 0;
    while (i < elements_.size() && elements_[i].name != key) ++i;
    return i;
  }

  const std::string type_;
  std::vector<Element> elements_;
  std::vector<bool> seen_;
  std::string scratch_;
  std::size_t rows_ = 0;
  std::size_t mark_ = 0;
};

// Of each object one member, for a column of a flattened Nested.
class MemberWriter final : public ColumnWriter {
 public:
  MemberWriter(std::string type, std::string member, WriterPtr inner)
      : type_(std::move(type)), member_(std::move(member)), inner_(std::move(inner)) {}

  void Append(const ColumnSlice& slice, FaultLog& faults) override {
    AppendJsonCells(*this, slice, type_, faults);
  }
  bool AppendJson(JsonReader& value, FaultLog& faults) override {
    if (value.Peek() != JsonReader::Kind::kObject) {
      const bool null = value.Peek() == JsonReader::Kind::kNull;
      faults.Add(null ? FaultKind::kNull : FaultKind::kWrongKind, type_, value.Skip());
      return false;
    }
    bool found = false;
    std::string_view key;
    for (value.Open(); value.NextMember(key, scratch_);) {
      if (found || key != member_) {
        value.Skip();
        continue;
      }
      found = true;
      if (!inner_->AppendJson(value, faults)) return false;
    }
    return found || AppendNull(*inner_, faults);
  }
  bool AppendText(std::string_view text, FaultLog& faults) override {
    JsonReader value(text);
    return AppendJson(value, faults);
  }
  void AppendDefault() override { inner_->AppendDefault(); }

  void Mark() override { inner_->Mark(); }
  void Rollback() override { inner_->Rollback(); }
  void Clear() override { inner_->Clear(); }
  std::size_t bytes() const override { return inner_->bytes(); }
  void WritePrefix(ByteSink& out) const override { inner_->WritePrefix(out); }
  void WriteData(ByteSink& out) const override { inner_->WriteData(out); }

 private:
  const std::string type_;
  const std::string member_;
  WriterPtr inner_;
  std::string scratch_;
};

Result<WriterPtr> MakeTuple(const ClickHouseType& type, const WriterOptions& options) {
  WriterOptions inside = options;
  inside.null_as_empty = false;
  std::vector<TupleWriter::Element> elements;
  for (const TypeArgument& argument : type.arguments) {
    const bool named = argument.kind == TypeArgument::Kind::kNamedType;
    if (!named && argument.kind != TypeArgument::Kind::kType) {
      return TypeError(type, "expected types, with names or without");
    }
    PENSTOCK_ASSIGN_OR_RETURN(WriterPtr writer, MakeWriter(argument.type.at(0), inside));
    elements.push_back({named ? argument.text : std::string(), std::move(writer)});
  }
  return WriterPtr(std::make_unique<TupleWriter>(ToText(type), std::move(elements)));
}

// Nested is an array of tuples with names, where the server does not take it apart.
Result<WriterPtr> MakeNested(const ClickHouseType& type, const WriterOptions& options) {
  for (const TypeArgument& argument : type.arguments) {
    if (argument.kind == TypeArgument::Kind::kNamedType) continue;
    return TypeError(type, "expected types with names");
  }
  PENSTOCK_ASSIGN_OR_RETURN(WriterPtr tuple, MakeTuple(type, options));
  return MakeArrayWriter(std::move(tuple), ToText(type));
}

}  // namespace

Result<WriterPtr> MakeMemberWriter(const ClickHouseType& type, std::string member,
                                   const WriterOptions& options) {
  if (type.name != "Array") return TypeError(type, "expected an Array");
  PENSTOCK_ASSIGN_OR_RETURN(const ClickHouseType* inner, OnlyType(type));
  PENSTOCK_ASSIGN_OR_RETURN(WriterPtr writer, MakeWriter(*inner, options));
  return MakeArrayWriter(
      std::make_unique<MemberWriter>(ToText(*inner), std::move(member), std::move(writer)),
      ToText(type));
}

std::span<const TypeFamily> TupleTypes() {
  static constexpr std::array kTypes = {
      TypeFamily{"Tuple", ValueKind::kTuple, MakeTuple},
      TypeFamily{"Nested", ValueKind::kArray, MakeNested},
  };
  return kTypes;
}

}  // namespace penstock::clickhouse
