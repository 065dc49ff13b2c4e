#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "clickhouse/fault.h"
#include "clickhouse/json_reader.h"
#include "clickhouse/text_buffer.h"
#include "model/column.h"

namespace penstock::clickhouse {

/// Rows [begin, end) of a message's column.
struct RowRun {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// The rows of one column that go into a block. Borrowed.
struct ColumnSlice {
  ColumnView column;
  std::span<const RowRun> runs;  ///< In order, apart, none empty.
  std::size_t rows = 0;          ///< In all runs.
  bool gaps_allowed = false;     ///< A row without a value takes the type's default.
};

/// Takes the bytes of a block in order.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual void Write(std::string_view bytes) = 0;
};

/// The values of one column of a block on their way into Native form; also of the inside of an
/// array, a map or a Nullable. One subclass a family of types; writer_factory.h makes them.
///
/// A value that does not fit is reported and a default takes its place, so that rows stay
/// aligned: the builder then goes back to the mark and leaves the row out everywhere. One owner
/// thread.
class ColumnWriter {
 public:
  virtual ~ColumnWriter() = default;

  /// Adds the slice's rows.
  virtual void Append(const ColumnSlice& slice, FaultLog& faults) = 0;
  /// Adds the value that `value` stands before. False: it was refused and reported (the row is
  /// lost, `value` may be anywhere), or the text is malformed.
  virtual bool AppendJson(JsonReader& value, FaultLog& faults) = 0;
  /// Adds the value that a text stands for: the key of a JSON object. False: refused, reported.
  virtual bool AppendText(std::string_view text, FaultLog& faults) = 0;
  virtual void AppendDefault() = 0;

  /// Remembers where the column ends now / goes back there.
  virtual void Mark() = 0;
  virtual void Rollback() = 0;
  /// Empties it and keeps the memory.
  virtual void Clear() = 0;

  /// About what WriteData writes.
  virtual std::size_t bytes() const = 0;
  /// What Native puts before the data of the whole column: versions of nested dictionaries.
  virtual void WritePrefix(ByteSink&) const {}
  virtual void WriteData(ByteSink& out) const = 0;

  /// Of types whose data is one run of values (numbers, times, strings: what a dictionary can be
  /// made of), the run, and the width of a value, 0 for a varint length and bytes. Else nullptr.
  struct Plain {
    std::string_view data;
    std::size_t width = 0;
  };
  virtual std::optional<Plain> plain() const { return std::nullopt; }

  /// Of a String column the buffer that strings may be added to directly; else nullptr.
  virtual TextBuffer* texts() { return nullptr; }
};

using WriterPtr = std::unique_ptr<ColumnWriter>;

/// The value of `row`, which has one, as JSON text; a float as such: "5.0". False: JSON has none.
bool AppendJsonText(const ColumnView& column, std::size_t row, std::string& out);

/// The value of `row` as text, for a message to people.
std::string ValueText(const ColumnView& column, std::size_t row);

/// Reports the rows of the slice that have no value, unless they may.
void ReportGaps(const ColumnSlice& slice, std::string_view type, FaultLog& faults);

/// Adds the slice's cells to `writer` as JSON, one by one, whatever kind they are of.
void AppendJsonCells(ColumnWriter& writer, const ColumnSlice& slice, std::string_view type,
                     FaultLog& faults);

inline std::string_view BytesOf(const void* from, std::size_t size) {
  return {static_cast<const char*>(from), size};
}

}  // namespace penstock::clickhouse
