#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "io/record_source.h"
#include "model/origin_record.h"

namespace penstock::ingestor {

/// What is known of a partition when it is taken: the group's commit, our record of it, Kafka's
/// ends, and whether the record before the committed offset is still the one that was read.
struct StartEvidence {
  enum class Check : std::uint8_t {
    kNone,  ///< No mark, or Kafka does not have the record any more.
    kSame,
    kOther,  ///< Another record is at its offset.
  };
  std::optional<io::CommittedOffset> committed;
  std::optional<OriginRecord> known;
  io::Watermarks marks;
  Check check = Check::kNone;
};

/// Where a partition begins, and as what.
struct StartDecision {
  CommitMark mark;
  /// Empty: where the document says that a group without a commit begins.
  std::optional<Offset> start;
  /// Nothing may be read before Kafka has acknowledged this start and mark as committed.
  bool commit = false;
  std::string anew;          ///< Why it is another origin than before; empty: it is the same.
  std::int64_t expired = 0;  ///< Records that Kafka has deleted and nobody had read.
  bool may_resume = false;   ///< What our record says was published is of this origin.
};

/// What is to be checked against Kafka's record: the mark of the present commit. Empty: the commit
/// is somebody else's.
std::optional<CommitMark> MarkOfCommit(const StartEvidence& evidence);

/// The table of docs/delivery-guarantees.md, "generations and incarnations". A function.
StartDecision Decide(const StartEvidence& evidence);

}  // namespace penstock::ingestor
