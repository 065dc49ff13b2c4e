#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "model/column.h"
#include "model/pipeline_spec.h"

namespace penstock::clickhouse {

/// A value as it goes in, and as the server then shows it (JSONEachRow with ISO times, and numbers
/// without quotes). Both are JSON.
struct Sample {
  std::string in;
  std::string shown;
};

/// A type, with values that it holds.
struct RandomType {
  std::string text;
  FieldType field = FieldType::kMap;            ///< What its values may be declared as …
  PhysicalType physical = PhysicalType::kJson;  ///< … and travel as, unless as JSON.
  std::function<Sample()> sample;
};

/// Makes types and values that depend on the seed alone.
class TypeMaker {
 public:
  explicit TypeMaker(std::uint64_t seed) : random_(seed) {}

  std::size_t Below(std::size_t bound) { return random_() % bound; }
  bool OneIn(std::size_t n) { return Below(n) == 0; }

  /// Any type; nested no deeper than three levels below `depth`.
  RandomType Type(int depth = 0);

 private:
  RandomType Leaf();
  RandomType Key();
  RandomType Integer();
  RandomType WideInteger();
  RandomType Decimal();
  RandomType Float();
  RandomType Text();
  RandomType Address();
  RandomType Enum();
  RandomType Day();
  RandomType Moment();
  RandomType Span();
  RandomType Nullable(RandomType inner);
  RandomType LowCardinality();
  RandomType Array(RandomType inner);
  RandomType Map(int depth);
  RandomType Tuple(int depth, bool named);
  RandomType Geo();
  RandomType Vector();
  RandomType Variant(int depth);
  RandomType Json();
  RandomType Dynamic();

  std::string Digits(std::size_t count);
  std::string Characters(std::size_t count);
  std::string Blank() { return OneIn(8) ? " " : ""; }
  std::string AnyValue(int depth, bool in_json);
  std::string ValueOf(std::size_t kind, int depth, bool in_json);

  std::mt19937_64 random_;
};

}  // namespace penstock::clickhouse
