#include "kafka/consumer_group.h"

#include <array>
#include <utility>

#include "kafka/kafka_errors.h"
#include "kafka/outside_client.h"
#include "kafka/queries.h"
#include "kafka/rdkafka_handles.h"

namespace penstock::kafka {
namespace {

using OptionsHandle = Handle<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy>;

class Group final : public io::ConsumerGroup {
 public:
  Group(std::shared_ptr<Client> client, const std::string& topic, std::string group,
        const Clock& clock)
      : client_(std::move(client)),
        group_(std::move(group)),
        clock_(clock),
        queries_(client_->get(), topic, group_, clock) {}
  ~Group() override { rd_kafka_consumer_close(client_->get()); }

  Result<std::vector<std::optional<io::CommittedOffset>>> Committed(
      std::span<const std::int32_t> partitions, Clock::Time deadline) override {
    return queries_.Committed(partitions, deadline);
  }
  Status SetCommitted(std::span<const io::OffsetToCommit> offsets, Clock::Time deadline) override {
    return queries_.Commit(offsets, deadline);
  }

  Result<std::vector<io::GroupMember>> Members(Clock::Time deadline) override {
    const std::string what = fmt::format("members of group '{}'", group_);
    const OptionsHandle options(
        rd_kafka_AdminOptions_new(client_->get(), RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS));
    std::array<char, 256> why{};
    rd_kafka_AdminOptions_set_request_timeout(options.get(), MillisUntil(deadline, clock_),
                                              why.data(), why.size());
    const QueueHandle answers(rd_kafka_queue_new(client_->get()));
    const char* name = group_.c_str();
    rd_kafka_DescribeConsumerGroups(client_->get(), &name, 1, options.get(), answers.get());
    const EventHandle answer(rd_kafka_queue_poll(answers.get(), MillisUntil(deadline, clock_)));
    if (answer == nullptr)
      return FromKafka(RD_KAFKA_RESP_ERR__TIMED_OUT, what, "no answer in time");
    if (const auto error = rd_kafka_event_error(answer.get());
        error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return FromKafka(error, what, rd_kafka_event_error_string(answer.get()));
    }
    std::size_t groups = 0;
    const auto* const* described = rd_kafka_DescribeConsumerGroups_result_groups(
        rd_kafka_event_DescribeConsumerGroups_result(answer.get()), &groups);
    if (groups != 1) return FromKafka(RD_KAFKA_RESP_ERR__BAD_MSG, what);
    return MembersOf(*described[0], what);
  }

 private:
  static Result<std::vector<io::GroupMember>> MembersOf(
      const rd_kafka_ConsumerGroupDescription_t& group, const std::string& what) {
    if (const rd_kafka_error_t* error = rd_kafka_ConsumerGroupDescription_error(&group);
        rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return FromKafka(rd_kafka_error_code(error), what, rd_kafka_error_string(error));
    }
    std::vector<io::GroupMember> members;
    for (std::size_t i = 0; i < rd_kafka_ConsumerGroupDescription_member_count(&group); ++i) {
      const auto* member = rd_kafka_ConsumerGroupDescription_member(&group, i);
      members.push_back({.client_id = rd_kafka_MemberDescription_client_id(member),
                         .host = rd_kafka_MemberDescription_host(member)});
    }
    return members;
  }

  const std::shared_ptr<Client> client_;
  const std::string group_;
  const Clock& clock_;
  Queries queries_;
};

}  // namespace

Result<std::unique_ptr<io::ConsumerGroup>> OpenConsumerGroup(const KafkaConnection& connection,
                                                             const std::string& topic,
                                                             const std::string& group,
                                                             const Clock& clock) {
  PENSTOCK_ASSIGN_OR_RETURN(auto client,
                            OpenOutsideClient(connection, group, "penstock-ctl", clock));
  return std::unique_ptr<io::ConsumerGroup>(
      std::make_unique<Group>(std::move(client), topic, group, clock));
}

}  // namespace penstock::kafka
