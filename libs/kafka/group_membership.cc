// The part of GroupConsumer that is about who has which partition: rebalances and leaving.
#include <algorithm>
#include <string_view>
#include <utility>

#include "kafka/group_consumer.h"
#include "kafka/kafka_errors.h"

namespace penstock::kafka {
namespace {

constexpr auto kCloseLimit = std::chrono::seconds(8);

Status StatusOf(rd_kafka_error_t* raw, std::string_view what) {
  const ErrorHandle failed(raw);
  if (failed == nullptr) return Done{};
  return FromKafka(rd_kafka_error_code(failed.get()), what, rd_kafka_error_string(failed.get()));
}

}  // namespace

void GroupConsumer::OnRebalance(rd_kafka_t*, rd_kafka_resp_err_t what,
                                rd_kafka_topic_partition_list_t* partitions, void* self) {
  auto& consumer = *static_cast<GroupConsumer*>(self);
  if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    consumer.Assign(*partitions);
  } else {
    consumer.Revoke(*partitions);
  }
  rd_kafka_queue_yield(consumer.queue_.get());
}

/// The rebalance ends at once, with nothing to fetch: the new partitions are added by StartReading,
/// whenever that is, and those that we have already go on in the meantime.
void GroupConsumer::Assign(const rd_kafka_topic_partition_list_t& partitions) {
  was_assigned_ = true;
  const PartitionList nothing = MakeList(options_.topic, {});
  Status done =
      StatusOf(rd_kafka_incremental_assign(client(), nothing.get()), "end of a rebalance");
  if (!done.ok()) Report(std::move(done).error());
  io::Assigned event;
  for (const rd_kafka_topic_partition_t& element : ElementsOf(partitions)) {
    partitions_.At(element.partition) = {
        .state = State::kAssigned, .held = false, .paused = false, .next = Offset(0)};
    event.partitions.push_back(element.partition);
  }
  if (!event.partitions.empty()) {
    lasting_.reset();
    if (!closing_) events_.emplace_back(std::move(event));
  }
  SeekAllAfterRebalance();
}

void GroupConsumer::Revoke(const rd_kafka_topic_partition_list_t& partitions) {
  io::Revoked event;
  event.lost = rd_kafka_assignment_lost(client()) != 0;
  for (const rd_kafka_topic_partition_t& element : ElementsOf(partitions)) {
    partitions_.At(element.partition).state = State::kRevoked;
    event.partitions.push_back(element.partition);
  }
  revoking_ = event.partitions;
  to_give_up_ = revoking_.size();
  const bool nobody_waits = event.lost || closing_ || revoking_.empty();
  if (!event.partitions.empty() && !closing_) events_.emplace_back(std::move(event));
  if (!nobody_waits) return;
  Status done = FinishRevoke();
  if (!done.ok()) Report(std::move(done).error());
}

Status GroupConsumer::GiveUp(std::span<const std::int32_t> partitions) {
  if (to_give_up_ == 0) return Done{};
  for (const std::int32_t partition : partitions) {
    PartitionTable::Entry& entry = partitions_.At(partition);
    if (entry.state != State::kRevoked) continue;
    entry.state = State::kNotOurs;
    --to_give_up_;
  }
  return to_give_up_ == 0 ? FinishRevoke() : Status(Done{});
}

/// One call for all: the first ends the rebalance.
Status GroupConsumer::FinishRevoke() {
  to_give_up_ = 0;
  Status done = LetGo(std::exchange(revoking_, {}));
  SeekAllAfterRebalance();
  return done;
}

/// To be called even if there is nothing to let go: it ends a rebalance.
Status GroupConsumer::LetGo(const std::vector<std::int32_t>& partitions) {
  std::vector<std::int32_t> held;
  std::vector<std::int32_t> paused;
  for (const std::int32_t partition : partitions) {
    PartitionTable::Entry& entry = partitions_.At(partition);
    if (entry.held) held.push_back(partition);
    if (entry.paused) paused.push_back(partition);
    entry.held = false;
    entry.paused = false;
    entry.state = State::kNotOurs;
  }
  const PartitionList list = MakeList(options_.topic, held);
  Status done = StatusOf(rd_kafka_incremental_unassign(client(), list.get()), "unassign");
  // librdkafka remembers a pause longer than the assignment.
  if (!paused.empty()) {
    rd_kafka_resume_partitions(client(), MakeList(options_.topic, paused).get());
  }
  return done;
}

Status GroupConsumer::Hold(std::span<const io::OffsetToCommit> from) {
  const PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(from.size())));
  for (const io::OffsetToCommit& start : from) {
    rd_kafka_topic_partition_list_add(list.get(), options_.topic.c_str(), start.partition)->offset =
        start.next.rep();
  }
  PENSTOCK_RETURN_IF_ERROR(
      StatusOf(rd_kafka_incremental_assign(client(), list.get()), "start of reading"));
  for (const io::OffsetToCommit& start : from) {
    partitions_.At(start.partition) = {
        .state = State::kReading, .held = true, .paused = false, .next = start.next};
  }
  return Done{};
}

void GroupConsumer::Close() {
  if (closed_ || client_ == nullptr) return;
  closing_ = true;
  if (!LeaveGroup()) client_->Abandon();
  closed_ = true;
  events_.clear();
}

/// False: the client cannot be ended safely.
///
/// librdkafka 2.0.2 aborts the process when a client ends that has joined its group and never had
/// an assignment, hangs when it is closed while an assignment is under way, and does not tell the
/// group when it is closed while fetchers stop. Nor does it unsubscribe at once while it joins. So:
/// see the first assignment, unsubscribe, see all partitions off and the group left, and only then
/// close.
bool GroupConsumer::LeaveGroup() {
  const Clock::Time deadline = clock_.Now() + kCloseLimit;
  if (to_give_up_ > 0 && !FinishRevoke().ok()) return false;
  const bool is_safe = ServeUntilAssigned(deadline);
  rd_kafka_unsubscribe(client());
  // Again, for a join that began in between.
  if (!is_safe || !ServeUntilAssigned(deadline) || !ServeUntilLeft(deadline)) return false;
  rd_kafka_consumer_close(client());
  return true;
}

/// From its first answer to joining until it has told the group that it leaves.
bool GroupConsumer::IsMember() const {
  char* id = rd_kafka_memberid(client());
  const bool has_id = id != nullptr && *id != '\0';
  if (id != nullptr) rd_kafka_mem_free(client(), id);
  return has_id;
}

/// True: it had an assignment, or never joined.
bool GroupConsumer::ServeUntilAssigned(Clock::Time deadline) {
  while (!was_assigned_ && IsMember() && clock_.Now() < deadline) {
    Dispatch(TakeMessages(std::min(deadline, clock_.Now() + std::chrono::milliseconds(50))));
  }
  return was_assigned_ || !IsMember();
}

bool GroupConsumer::ServeUntilLeft(Clock::Time deadline) {
  while (true) {
    const std::size_t taken =
        TakeMessages(std::min(deadline, clock_.Now() + std::chrono::milliseconds(20)));
    Dispatch(taken);
    if (taken == 0 && !IsMember()) return true;
    if (clock_.Now() >= deadline) return false;
  }
}

}  // namespace penstock::kafka
