#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <stop_token>
#include <string>
#include <thread>

namespace penstock::testing {

/// Records with the ids 0, 1, 2 … (and, where that is wanted, some of them again) over all
/// partitions of a topic, produced in the background: a backlog as fast as it goes, then at a
/// steady rate until it is stopped. Which partition an id goes to, and its text, follow from the
/// seed.
class Load {
 public:
  struct Options {
    std::uint64_t seed = 1;
    std::int32_t partitions = 1;
    std::uint64_t backlog = 0;
    std::uint64_t per_second = 0;
    /// So many of a hundred records repeat one of the last thousand, byte for byte.
    std::uint64_t repeat_percent = 0;
  };

  /// Returns when the backlog is in Kafka.
  Load(std::string brokers, std::string topic, Options options);
  ~Load() = default;
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  /// From now on records go to that many partitions.
  void UsePartitions(std::int32_t partitions) { partitions_ = partitions; }
  /// Ids 0 to distinct() - 1 have been sent; to be asked after Finish.
  std::uint64_t distinct() const { return distinct_; }
  /// How many records have been sent so far.
  std::uint64_t sent() const { return sent_.load(); }
  /// Stops; every record is in Kafka when this returns. How many there are. Throws when Kafka did
  /// not take one.
  std::uint64_t Finish();

  /// The record with this id.
  static std::string RecordOf(std::uint64_t seed, std::uint64_t id);

 private:
  void Run(std::stop_token stop);
  void Produce(std::stop_token stop);

  const std::string brokers_;
  const std::string topic_;
  const Options options_;
  std::atomic<std::int32_t> partitions_;
  std::atomic<std::uint64_t> sent_{0};
  std::uint64_t distinct_ = 0;  // Of the thread; read after it has ended.
  std::atomic<bool> backlog_done_{false};
  std::exception_ptr failure_;  // Of the thread; read after it has ended.
  std::jthread thread_;
};

}  // namespace penstock::testing
