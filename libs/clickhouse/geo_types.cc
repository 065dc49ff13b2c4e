#include <array>
#include <memory>
#include <string>
#include <utility>

#include "clickhouse/null_taking_writer.h"
#include "clickhouse/variant_column.h"
#include "clickhouse/writer_factory.h"

namespace penstock::clickhouse {

namespace {

// A point is a pair of numbers; the others are arrays of points, so many deep.
WriterPtr WriterOfPoints(std::string_view name, int depth) {
  auto pair = ParseClickHouseType("Tuple(Float64, Float64)");
  PENSTOCK_CHECK(pair.ok(), "the type of a point can be read");
  auto made = MakeWriter(pair.value(), {});
  PENSTOCK_CHECK(made.ok(), "the type of a point can be written");
  WriterPtr writer = std::move(made).value();
  for (; depth > 0; --depth) writer = MakeArrayWriter(std::move(writer), std::string(name));
  return writer;
}

template <int kDepth>
Result<WriterPtr> Make(const ClickHouseType& type, const WriterOptions&) {
  if (!type.arguments.empty()) return TypeError(type, "expected no arguments");
  return WriterOfPoints(type.name, kDepth);
}

struct GeometryType {
  std::string_view name;
  int depth;
};

// In the order of the server's Variant.
constexpr std::array<GeometryType, 6> kGeometries = {{{"LineString", 1},
                                                      {"MultiLineString", 2},
                                                      {"MultiPolygon", 3},
                                                      {"Point", 0},
                                                      {"Polygon", 2},
                                                      {"Ring", 1}}};

// A ring and a line string look the same: so a geometry comes as GeoJSON does, with its name.
class GeometryWriter final : public NullTakingWriter {
 public:
  GeometryWriter() : NullTakingWriter("Geometry") {
    for (const GeometryType& type : kGeometries) {
      column_.AddAlternative(WriterOfPoints(type.name, type.depth));
    }
  }

  bool AppendText(std::string_view text, FaultLog& faults) override {
    JsonReader value(text);
    return AppendJson(value, faults);
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
    JsonReader whole = value;
    if (kind != JsonReader::Kind::kObject) {
      faults.Add(FaultKind::kWrongKind, type(), whole.Skip());
      return false;
    }
    std::size_t named = kGeometries.size();
    std::string_view coordinates;
    std::string_view key;
    for (value.Open(); value.NextMember(key, scratch_);) {
      if (key == "type" && value.Peek() == JsonReader::Kind::kString) {
        named = Find(value.String(scratch_));
      } else if (key == "coordinates") {
        coordinates = value.Skip();
      } else {
        value.Skip();
      }
    }
    if (!value.ok() || named == kGeometries.size() || coordinates.empty()) {
      faults.Add(FaultKind::kNotParsed, type(), whole.Skip());
      return false;
    }
    column_.AddRow(named);
    JsonReader points(coordinates);
    return column_.writer(named).AppendJson(points, faults);
  }

  static std::size_t Find(std::string_view name) {
    std::size_t i = 0;
    while (i < kGeometries.size() && kGeometries[i].name != name) ++i;
    return i;
  }

  VariantColumn column_;
  std::string scratch_;
};

Result<WriterPtr> MakeGeometry(const ClickHouseType& type, const WriterOptions&) {
  if (!type.arguments.empty()) return TypeError(type, "expected no arguments");
  return WriterPtr(std::make_unique<GeometryWriter>());
}

}  // namespace

std::span<const TypeFamily> GeoTypes() {
  static constexpr std::array kTypes = {
      TypeFamily{"Point", ValueKind::kTuple, Make<0>},
      TypeFamily{"Ring", ValueKind::kArray, Make<1>},
      TypeFamily{"LineString", ValueKind::kArray, Make<1>},
      TypeFamily{"MultiLineString", ValueKind::kArray, Make<2>},
      TypeFamily{"Polygon", ValueKind::kArray, Make<2>},
      TypeFamily{"MultiPolygon", ValueKind::kArray, Make<3>},
      TypeFamily{"Geometry", ValueKind::kDocument, MakeGeometry},
  };
  return kTypes;
}

}  // namespace penstock::clickhouse
