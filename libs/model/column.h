#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/check.h"

namespace penstock {

/// How a column's values lie in memory and on the wire. Values travel: they are for ever.
enum class PhysicalType : std::uint8_t {
  kBool = 0,     ///< 1 byte, 0 or 1.
  kInt64 = 1,    ///< 8 bytes, little-endian.
  kUint64 = 2,   ///< 8 bytes, little-endian.
  kFloat64 = 3,  ///< 8 bytes, IEEE 754.
  kString = 4,   ///< Varint length, then the bytes: ClickHouse's Native form of String.
  kJson = 5,     ///< As kString; the exact text of any JSON value.
};

enum class Presence : std::uint8_t {
  kValue = 0,
  kNull = 1,    ///< The record says null.
  kAbsent = 2,  ///< The record does not have the field.
};

/// Bytes a row of a fixed-width type; 0 for kString and kJson.
constexpr std::size_t FixedWidth(PhysicalType type) {
  switch (type) {
    case PhysicalType::kBool:
      return 1;
    case PhysicalType::kInt64:
    case PhysicalType::kUint64:
    case PhysicalType::kFloat64:
      return 8;
    case PhysicalType::kString:
    case PhysicalType::kJson:
      return 0;
  }
  return 0;
}

/// One value of one row on its way into a column. `text` is borrowed.
struct Cell {
  Presence presence = Presence::kAbsent;
  PhysicalType type = PhysicalType::kString;
  union {
    bool boolean;
    std::int64_t int64;
    std::uint64_t uint64 = 0;
    double float64;
  };
  std::string_view text;

  static Cell Missing(Presence presence) {
    Cell cell;
    cell.presence = presence;
    return cell;
  }
  static Cell Bool(bool value) {
    Cell cell = Of(PhysicalType::kBool);
    cell.uint64 = value ? 1 : 0;
    return cell;
  }
  static Cell Int64(std::int64_t value) {
    Cell cell = Of(PhysicalType::kInt64);
    cell.int64 = value;
    return cell;
  }
  static Cell Uint64(std::uint64_t value) {
    Cell cell = Of(PhysicalType::kUint64);
    cell.uint64 = value;
    return cell;
  }
  static Cell Float64(double value) {
    Cell cell = Of(PhysicalType::kFloat64);
    cell.float64 = value;
    return cell;
  }
  static Cell String(std::string_view value) {
    Cell cell = Of(PhysicalType::kString);
    cell.text = value;
    return cell;
  }
  static Cell Json(std::string_view value) {
    Cell cell = Of(PhysicalType::kJson);
    cell.text = value;
    return cell;
  }

 private:
  static Cell Of(PhysicalType type) {
    Cell cell;
    cell.presence = Presence::kValue;
    cell.type = type;
    return cell;
  }
};

/// A column as a reader sees it, anywhere in memory. A row without a value takes a zero slot
/// (fixed width) or a zero length (text), so that rows stay aligned. Borrowed bytes.
struct ColumnView {
  std::string_view name;
  PhysicalType type = PhysicalType::kString;
  std::size_t rows = 0;
  std::string_view data;
  std::string_view presence;  ///< Empty: every row has a value. Else one Presence byte a row.

  bool HasGaps() const { return !presence.empty(); }
  Presence At(std::size_t row) const {
    return presence.empty() ? Presence::kValue : static_cast<Presence>(presence[row]);
  }
  template <typename T>
  T Fixed(std::size_t row) const {
    return LoadUnaligned<T>(data.data() + row * sizeof(T));
  }
};

/// A column being filled, row by row. One owner thread.
class Column {
 public:
  Column(std::string name, PhysicalType type) : name_(std::move(name)), type_(type) {}

  const std::string& name() const { return name_; }
  PhysicalType type() const { return type_; }
  std::size_t rows() const { return rows_; }
  /// What the column takes on the wire before compression.
  std::size_t bytes() const { return data_.size() + presence_.size(); }

  /// The cell must have this column's type or no value.
  void Append(const Cell& cell) {
    if (cell.presence != Presence::kValue) return AppendMissing(cell.presence);
    PENSTOCK_CHECK(cell.type == type_, "a cell goes into a column of its type");
    switch (FixedWidth(type_)) {
      case 0:
        data_.String(cell.text);
        break;
      case 1:
        data_.Byte(static_cast<char>(cell.uint64));
        break;
      default:
        data_.Fixed(cell.uint64);
    }
    if (!presence_.empty()) presence_.Byte(static_cast<char>(Presence::kValue));
    ++rows_;
  }

  /// Consecutive rows of a column of this type, as their bytes lie there. `presence` as in
  /// ColumnView: empty, or a byte a row.
  void AppendRows(std::string_view data, std::string_view presence, std::size_t rows) {
    data_.Append(data);
    if (presence_.empty() && !presence.empty()) {
      presence_.Repeat(static_cast<char>(Presence::kValue), rows_);
    }
    if (!presence.empty()) {
      presence_.Append(presence);
    } else if (!presence_.empty()) {
      presence_.Repeat(static_cast<char>(Presence::kValue), rows);
    }
    rows_ += rows;
  }

  ColumnView View() const { return {name_, type_, rows_, data_.view(), presence_.view()}; }

  /// Empties it and keeps the memory for the next batch.
  void Clear() {
    data_.clear();
    presence_.clear();
    rows_ = 0;
  }

 private:
  void AppendMissing(Presence presence) {
    if (presence_.empty()) presence_.Repeat(static_cast<char>(Presence::kValue), rows_);
    presence_.Byte(static_cast<char>(presence));
    data_.Repeat('\0', FixedWidth(type_) == 0 ? 1 : FixedWidth(type_));
    ++rows_;
  }

  std::string name_;
  PhysicalType type_;
  std::size_t rows_ = 0;
  ByteBuffer data_;
  ByteBuffer presence_;
};

/// Walks a text column (kString, kJson) front to back: its lengths are in line with its bytes.
class TextCursor {
 public:
  explicit TextCursor(const ColumnView& column) : reader_(column.data) {}
  std::string_view Next() { return reader_.String(); }
  void Skip(std::size_t rows) {
    for (std::size_t i = 0; i < rows; ++i) reader_.String();
  }
  const char* at() const { return reader_.at(); }
  bool ok() const { return reader_.ok(); }

 private:
  ByteReader reader_;
};

}  // namespace penstock
