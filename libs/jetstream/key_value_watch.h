#pragma once

#include <set>
#include <stop_token>
#include <string>
#include <thread>

#include "io/key_value.h"
#include "jetstream/bus.h"
#include "jetstream/stream_reader.h"

namespace penstock::jetstream {

/// Reads a bucket's stream from its start and tells every change below a prefix, for as long as it
/// lives. The stream keeps the last message of each key, so present values come first and a reader
/// that was away finds what it missed. A bucket made anew is read from its start, and keys that it
/// does not have are told as removed. Has a thread of its own.
class KeyValueWatch final : public io::KeyValue::Watch {
 public:
  /// `bucket` and `bus` outlive it.
  KeyValueWatch(Bus& bus, io::KeyValue& bucket, const std::string& stream,
                const std::string& subject_prefix, const std::string& prefix,
                io::KeyValue::ChangeCallback on_change);
  ~KeyValueWatch() override = default;

 private:
  void Run(std::stop_token stop);
  void Tell(const StreamReader::Delivered& delivered);
  /// Tells the known keys that are not there any more. False: could not find out.
  bool TellVanished();

  Bus& bus_;
  io::KeyValue& bucket_;
  const std::string stream_;
  const std::string subject_prefix_;
  const std::string prefix_;
  const io::KeyValue::ChangeCallback on_change_;
  std::set<std::string> known_;
  std::jthread thread_;  ///< Last: it uses the rest.
};

}  // namespace penstock::jetstream
