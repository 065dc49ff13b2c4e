#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "io/record_source.h"
#include "model/pipeline_spec.h"

namespace penstock::kafka {

struct SourceOptions {
  KafkaConnection connection;
  std::string topic;
  std::string group;
  /// As the broker's logs and quotas show it; also what orders the members of the group.
  std::string client_id;
  /// librdkafka's own log lines (syslog severity, text); called by the poll thread. May be empty:
  /// what a user must know comes as SourceTrouble.
  std::function<void(int, std::string_view)> log;
};

/// The source that OpenKafkaSource gives: a topic read over librdkafka as a member of a consumer
/// group: cooperative-sticky, nothing is committed or stored by itself, and no offset is chosen by
/// itself.
///
/// Guarantee: from where `StartReading` set a partition, its records come in order, none left out
/// and none twice, also across `Pause` and `Resume` and while other partitions come and go; the
/// only exceptions are records that Kafka deleted before they were read, which is reported.
/// `StartReading` on a partition that is being read goes on at the given offset instead; a paused
/// one stays paused.
///
/// Error codes:
///   "unavailable"         no broker, no coordinator, no answer in time: what was asked for may
///                         have happened. kRetry.
///   "refused_commit"      the partition is not ours any more, or the group is rebalancing. kRetry.
///   "not_assigned"        StartReading of a partition that we do not have. kRetry.
///   "records_deleted"     Kafka deleted records before they were read; reading goes on at the
///                         first that exists. kRetry.
///   "offset_out_of_range" reading is past the end: the topic was made anew or cut off. kStop:
///                         whoever takes the partition the next time sorts it out.
///   "unknown_partition"   not every broker knows yet of a partition that was just added. kRetry.
///   "unknown_topic", "not_authorized", "not_authenticated"    kStop.
///   "group_in_use"        another kind of consumer is a member of the group. kStop.
///   "kafka_config"        a setting that librdkafka does not take. kStop.
///   "kafka_fatal"         librdkafka cannot go on. kStop.
///   "kafka"               anything else, with librdkafka's words. kRetry.
///
/// One thread calls everything; record chunks may go to, and end in, any other, also after the
/// source is gone. librdkafka's own threads never enter our code.
///
/// Joins the group in the background; does not wait for a broker. Fails with "kafka_config".
Result<std::unique_ptr<io::RecordSource>> OpenKafkaSource(SourceOptions options,
                                                          const Clock& clock = SystemClock());

/// Whether librdkafka takes these settings, without connecting: for `penstock validate` and
/// `check`. The error names the property.
Status CheckConnection(const KafkaConnection& connection);

}  // namespace penstock::kafka
