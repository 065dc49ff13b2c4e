#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "base/check.h"
#include "clickhouse/dictionary.h"
#include "clickhouse/writer_factory.h"

namespace penstock::clickhouse {

namespace {

// Native's form of LowCardinality: each block brings its own dictionary ("additional keys").
constexpr std::uint64_t kVersion = 1;
constexpr std::uint64_t kHasAdditionalKeys = 1ULL << 9;
constexpr std::uint64_t kNeedsUpdate = 1ULL << 10;

template <typename T>
void WriteFixed(ByteSink& out, T value) {
  out.Write(BytesOf(&value, sizeof(value)));
}

// Numbers as indices of `Index`'s width.
template <typename Index>
void WriteIndices(ByteSink& out, const std::vector<std::uint32_t>& indices) {
  std::vector<Index> narrow(indices.size());
  for (std::size_t i = 0; i < indices.size(); ++i) narrow[i] = static_cast<Index>(indices[i]);
  out.Write(BytesOf(narrow.data(), narrow.size() * sizeof(Index)));
}

// Values are converted by the writer of the inner type and then looked up in the dictionary.
// With Nullable inside, entry 0 stands for null and the dictionary's follow.
class LowCardinalityWriter final : public ColumnWriter {
 public:
  LowCardinalityWriter(WriterPtr inner, bool nullable, std::string type)
      : type_(std::move(type)),
        inner_(std::move(inner)),
        nullable_(nullable),
        width_(inner_->plain()->width),
        dictionary_(width_) {}

  void Append(const ColumnSlice& slice, FaultLog& faults) override {
    if (slice.column.type == PhysicalType::kJson) {
      ColumnSlice cells = slice;
      cells.gaps_allowed |= nullable_;
      return AppendJsonCells(*this, cells, type_, faults);
    }
    if (slice.column.type == PhysicalType::kString && width_ == 0) {
      return AppendStrings(slice, faults);
    }
    ColumnSlice with_gaps = slice;
    with_gaps.gaps_allowed |= nullable_;
    inner_->Append(with_gaps, faults);
    TakeInner();
    if (!nullable_ || !slice.column.HasGaps()) return;
    std::size_t at = indices_.size() - slice.rows;
    for (const RowRun& run : slice.runs) {
      for (std::size_t row = run.begin; row < run.end; ++row, ++at) {
        if (slice.column.At(row) != Presence::kValue) indices_[at] = 0;
      }
    }
  }
  bool AppendJson(JsonReader& value, FaultLog& faults) override {
    if (nullable_ && value.Peek() == JsonReader::Kind::kNull) {
      value.Skip();
      AppendDefault();
      return true;
    }
    if (width_ == 0 && value.Peek() == JsonReader::Kind::kString) {
      indices_.push_back(Lookup(value.String(scratch_)));
      if (value.ok()) return true;
    }
    const bool good = inner_->AppendJson(value, faults);
    TakeInner();
    return good;
  }
  bool AppendText(std::string_view text, FaultLog& faults) override {
    if (width_ == 0) {
      indices_.push_back(Lookup(text));
      return true;
    }
    const bool good = inner_->AppendText(text, faults);
    TakeInner();
    return good;
  }
  void AppendDefault() override {
    if (nullable_) {
      indices_.push_back(0);
    } else {
      inner_->AppendDefault();
      TakeInner();
    }
  }

  // Entries of rows that are left out later stay in the dictionary: nothing refers to them.
  void Mark() override { mark_ = indices_.size(); }
  void Rollback() override { indices_.resize(mark_); }
  void Clear() override {
    indices_.clear();
    inner_->Clear();
    dictionary_.Clear();
  }

  std::size_t bytes() const override {
    return dictionary_.data().size() + indices_.size() * IndexWidth() + 3 * sizeof(std::uint64_t);
  }
  void WritePrefix(ByteSink& out) const override { WriteFixed(out, kVersion); }
  void WriteData(ByteSink& out) const override {
    if (indices_.empty()) return;
    const std::size_t width = IndexWidth();
    const std::uint64_t index_type = width == 1 ? 0 : width == 2 ? 1 : 2;
    WriteFixed(out, index_type | kHasAdditionalKeys | kNeedsUpdate);
    WriteFixed<std::uint64_t>(out, entries());
    if (nullable_) out.Write(std::string(width_ == 0 ? 1 : width_, '\0'));
    out.Write(dictionary_.data());
    WriteFixed<std::uint64_t>(out, indices_.size());
    if (width == 1) return WriteIndices<std::uint8_t>(out, indices_);
    if (width == 2) return WriteIndices<std::uint16_t>(out, indices_);
    out.Write(BytesOf(indices_.data(), indices_.size() * sizeof(std::uint32_t)));
  }

 private:
  void AppendStrings(const ColumnSlice& slice, FaultLog& faults) {
    if (!nullable_) ReportGaps(slice, type_, faults);
    TextCursor cursor(slice.column);
    std::size_t at = 0;
    for (const RowRun& run : slice.runs) {
      cursor.Skip(run.begin - at);
      at = run.end;
      for (std::size_t row = run.begin; row < run.end; ++row) {
        const std::string_view text = cursor.Next();
        const bool null = nullable_ && slice.column.At(row) != Presence::kValue;
        indices_.push_back(null ? 0 : Lookup(text));
      }
    }
    if (!cursor.ok()) faults.SetCorrupt();
  }

  // Moves what the inner writer holds into the dictionary.
  void TakeInner() {
    const std::string_view data = inner_->plain()->data;
    if (width_ == 0) {
      ByteReader reader(data);
      while (reader.left() > 0) indices_.push_back(Lookup(reader.String()));
    } else {
      for (std::size_t at = 0; at < data.size(); at += width_) {
        indices_.push_back(Lookup(data.substr(at, width_)));
      }
    }
    inner_->Clear();
  }

  std::uint32_t Lookup(std::string_view value) {
    return dictionary_.Add(value) + (nullable_ ? 1 : 0);
  }
  /// With null's own, which lies before the dictionary's.
  std::uint64_t entries() const { return dictionary_.size() + (nullable_ ? 1U : 0U); }

  std::size_t IndexWidth() const {
    if (entries() <= std::numeric_limits<std::uint8_t>::max() + 1U) return 1;
    return entries() <= std::numeric_limits<std::uint16_t>::max() + 1U ? 2 : 4;
  }

  const std::string type_;
  WriterPtr inner_;
  const bool nullable_;
  const std::size_t width_;
  Dictionary dictionary_;
  std::vector<std::uint32_t> indices_;
  std::string scratch_;
  std::size_t mark_ = 0;
};

}  // namespace

WriterPtr MakeLowCardinalityWriter(WriterPtr inner, bool nullable, std::string type) {
  return std::make_unique<LowCardinalityWriter>(std::move(inner), nullable, std::move(type));
}

}  // namespace penstock::clickhouse
