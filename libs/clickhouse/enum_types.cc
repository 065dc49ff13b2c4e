#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "clickhouse/fixed_writer.h"
#include "clickhouse/writer_factory.h"

namespace penstock::clickhouse {

namespace {

// An Enum's names, found by length first: most lengths have one or two names.
class EnumNames {
 public:
  void Add(std::string name, std::int16_t value) {
    values_.push_back(value);
    if (by_length_.size() <= name.size()) by_length_.resize(name.size() + 1);
    by_length_[name.size()].emplace_back(std::move(name), value);
  }
  void Sort() { std::ranges::sort(values_); }

  const std::int16_t* Find(std::string_view name) const {
    if (name.size() >= by_length_.size()) return nullptr;
    for (const auto& [known, value] : by_length_[name.size()]) {
      if (known == name) return &value;
    }
    return nullptr;
  }
  bool Has(std::int16_t value) const { return std::ranges::binary_search(values_, value); }
  /// ClickHouse's own default: the smallest value.
  std::int16_t Default() const { return values_.front(); }
  bool empty() const { return values_.empty(); }

 private:
  std::vector<std::vector<std::pair<std::string, std::int16_t>>> by_length_;
  std::vector<std::int16_t> values_;
};

template <typename T>
class EnumCodec {
 public:
  using Out = T;

  explicit EnumCodec(EnumNames names) : names_(std::move(names)) {}

  Out Default() const { return static_cast<Out>(names_.Default()); }
  FaultKind Convert(std::string_view name, Out& out) const {
    const std::int16_t* value = names_.Find(name);
    if (value == nullptr) return FaultKind::kUnknownName;
    out = static_cast<Out>(*value);
    return FaultKind::kNone;
  }
  FaultKind Convert(std::int64_t value, Out& out) const { return FromNumber(value, out); }
  FaultKind Convert(std::uint64_t value, Out& out) const { return FromNumber(value, out); }

 private:
  template <typename In>
  FaultKind FromNumber(In value, Out& out) const {
    if (!std::in_range<Out>(value) || !names_.Has(static_cast<std::int16_t>(value))) {
      return FaultKind::kUnknownName;
    }
    out = static_cast<Out>(value);
    return FaultKind::kNone;
  }

  EnumNames names_;
};

// The arguments are 'name' = value; a name without a value has the one after its neighbour's.
template <typename T>
Result<WriterPtr> Make(const ClickHouseType& type, const WriterOptions&) {
  EnumNames names;
  std::int64_t next = 1;
  for (const TypeArgument& argument : type.arguments) {
    const bool has_value = argument.kind == TypeArgument::Kind::kEnumValue;
    if (!has_value && argument.kind != TypeArgument::Kind::kText) {
      return TypeError(type, "expected 'name' = value");
    }
    const std::int64_t value = has_value ? argument.number : next;
    if (!std::in_range<T>(value)) {
      return TypeError(type, fmt::format("{} is out of its range", value));
    }
    names.Add(argument.text, static_cast<std::int16_t>(value));
    next = value + 1;
  }
  if (names.empty()) return TypeError(type, "expected 'name' = value");
  names.Sort();
  return WriterPtr(
      std::make_unique<FixedWriter<EnumCodec<T>>>(type.name, EnumCodec<T>(std::move(names))));
}

}  // namespace

std::span<const TypeFamily> EnumTypes() {
  static constexpr std::array kTypes = {
      TypeFamily{"Enum8", ValueKind::kEnum, Make<std::int8_t>},
      TypeFamily{"Enum16", ValueKind::kEnum, Make<std::int16_t>},
  };
  return kTypes;
}

}  // namespace penstock::clickhouse
