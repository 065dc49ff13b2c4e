#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/batch.h"
#include "model/first_row.h"
#include "model/plan.h"
#include "state/key_store.h"

namespace penstock::operators {

/// Says which rows of a message repeat a key (docs/delivery-guarantees.md, "deduplication"): a row
/// with the identity of a first row passes again; another one within the window of a first row, by
/// Kafka's timestamps and in either direction, is a duplicate; any other is a first row itself.
/// Rows of the message are checked against each other, too. One owner thread.
class Deduplicator {
 public:
  Deduplicator(const TransformPlan& plan, state::KeyStore& keys);

  /// One row that is asked about, in the order of the stream.
  struct Row {
    std::size_t index = 0;  ///< In the message.
    KeyHash key;
    RecordId id;
    std::int64_t timestamp_ms = 0;
  };

  /// Hashes the keys of those rows of the message whose outcome is kRow; one without a key becomes
  /// kDeadLetter, and its index goes to `without_key`. Error (kStop, "corrupt"): a key column is
  /// not there.
  Status ReadKeys(std::span<const ColumnView> columns, std::span<Outcome> outcomes,
                  std::vector<Row>& rows, std::vector<std::size_t>& without_key);

  /// Sets the outcome of duplicates; appends the new first rows. Fails as the store does.
  Status Decide(std::span<const Row> rows, std::span<Outcome> outcomes,
                std::vector<FirstRow>& first_rows);

 private:
  bool IsWithinWindow(std::int64_t a_ms, std::int64_t b_ms) const;
  void StartTable(std::size_t rows);

  const std::vector<std::string> key_fields_;
  const std::int64_t window_ns_;
  state::KeyStore& keys_;
  std::vector<KeyHash> hashes_;
  std::vector<state::KeyStore::Match> matches_;
  std::string key_;
  // Open addressing over the first rows of this message: 0 is free, else the row's number + 1.
  // Those of one key lie one after the other on its path.
  std::vector<std::uint32_t> table_;
};

}  // namespace penstock::operators
