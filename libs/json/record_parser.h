#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "base/result.h"
#include "model/column.h"
#include "model/plan.h"

namespace penstock::json {

struct RecordParserOptions {
  /// Records may begin with a schema registry's frame, a zero byte and four bytes of schema id,
  /// which is skipped. Records without it are read as they are.
  bool framed = false;
};

/// Turns the records of one source into typed cells, of only the fields that the plan names.
///
/// A record is a JSON object in UTF-8 and is checked to its last byte, also what no field reads.
/// Whatever bytes it is given, it answers with cells or with one Error for a dead letter, and the
/// next record is not affected. Of equal names the last counts; unknown ones are ignored; a dotted
/// name means the member of that very name, and only if there is none the nested path.
///
/// Allocates nothing for a good record once its buffers have grown. One thread at a time.
class RecordParser {
 public:
  /// Fails (Remedy::kStop, code "config") on a plan that cannot be: a default of the wrong type,
  /// a physical type that the declared one has no value for, a field named twice.
  static Result<RecordParser> Make(const SourcePlan& plan, RecordParserOptions options = {});

  RecordParser(const RecordParser&) = delete;
  RecordParser& operator=(const RecordParser&) = delete;
  RecordParser(RecordParser&&) noexcept;
  RecordParser& operator=(RecordParser&&) noexcept;
  ~RecordParser();

  /// One cell for each field of the plan that is `sent`, in the plan's order; that of a `metadata`
  /// field is absent, for the caller to fill. Text is borrowed:
  /// from the payload or from the parser, so it lasts as long as the payload and until the next
  /// Parse. The payload needs no padding; a null one (a tombstone) is an empty one.
  ///
  /// Errors are Remedy::kDeadLetter with a DeadLetterReason's text as code: parse_error with the
  /// byte at which the text stops being JSON, schema_mismatch with the field and what was expected
  /// of it, record_too_large. (Out of memory is Remedy::kRetry.)
  Result<std::span<const Cell>> Parse(std::string_view payload);

 private:
  struct Impl;
  explicit RecordParser(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace penstock::json
