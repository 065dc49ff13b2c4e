#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "clickhouse/column_writer.h"

namespace penstock::clickhouse {

/// What the writers of types with alternatives have in common: each row has the number of an
/// alternative, or none for null, and each alternative has the values of its rows. One owner
/// thread.
class VariantColumn {
 public:
  static constexpr std::size_t kMostAlternatives = 255;

  void AddAlternative(WriterPtr writer) { writers_.push_back(std::move(writer)); }
  std::size_t alternatives() const { return writers_.size(); }
  ColumnWriter& writer(std::size_t alternative) { return *writers_[alternative]; }

  /// A row of this alternative; the caller adds its value to the writer.
  void AddRow(std::size_t alternative) { rows_.push_back(static_cast<char>(alternative)); }
  void AddNull() { rows_.push_back(static_cast<char>(kNull)); }

  void Mark() {
    mark_ = rows_.size();
    for (WriterPtr& writer : writers_) writer->Mark();
  }
  void Rollback() {
    rows_.resize(mark_);
    for (WriterPtr& writer : writers_) writer->Rollback();
  }
  void Clear() {
    rows_.clear();
    for (WriterPtr& writer : writers_) writer->Clear();
  }
  std::size_t bytes() const {
    std::size_t bytes = rows_.size();
    for (const WriterPtr& writer : writers_) bytes += writer->bytes();
    return bytes;
  }
  void WritePrefix(ByteSink& out) const {
    constexpr std::uint64_t kOneByteARow = 0;
    out.Write(BytesOf(&kOneByteARow, sizeof(kOneByteARow)));
    for (const WriterPtr& writer : writers_) writer->WritePrefix(out);
  }
  void WriteData(ByteSink& out) const {
    out.Write(rows_);
    for (const WriterPtr& writer : writers_) writer->WriteData(out);
  }

 private:
  static constexpr unsigned char kNull = 255;

  std::vector<WriterPtr> writers_;
  std::string rows_;
  std::size_t mark_ = 0;
};

}  // namespace penstock::clickhouse
