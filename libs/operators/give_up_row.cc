#include "operators/give_up_row.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/format.h"
#include "model/row_json.h"
#include "operators/select_rows.h"

namespace penstock::operators {

DeadLetter GiveUpRow(Batch& batch, std::string_view component, std::string_view row,
                     std::size_t max_payload, std::int64_t now_ms) {
  const Outcome given_up[] = {Outcome::kDeadLetter};
  std::vector<ColumnView> columns;
  for (const Column& column : batch.columns) columns.push_back(column.View());
  const auto section =
      std::ranges::find_if(batch.sections, [](const Section& of) { return of.rows() == 1; });
  DeadLetter letter{.component = std::string(component),
                    .reason = DeadLetterReason::kRecordTooLarge,
                    .error = fmt::format("the {} row does not fit into a message of this NATS "
                                         "server ({} bytes): raise its max_payload",
                                         row, max_payload),
                    .original_message = RowAsJson(columns, 0),
                    .column = {},
                    .code = 0,
                    .code_name = {},
                    .origin = section->origin,
                    .offset = section->OffsetOfRow(0),
                    .timestamp_ms = batch.timestamps_ms.front(),
                    .key = {},
                    .time_ms = now_ms};
  batch.sections = WithOutcomes(batch.sections, given_up);
  batch.timestamps_ms.clear();
  for (Column& column : batch.columns) column.Clear();
  return letter;
}

}  // namespace penstock::operators
