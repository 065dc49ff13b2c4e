#include "ingestor/partition_start.h"

#include "protocol/origin_record_codec.h"

namespace penstock::ingestor {

namespace {

StartDecision NextIncarnation(const std::optional<OriginRecord>& known, std::string why) {
  StartDecision decision;
  decision.commit = true;
  if (!known) return decision;
  decision.mark = {known->mark.generation, known->mark.incarnation + 1, {}};
  decision.anew = std::move(why);
  return decision;
}

}  // namespace

std::optional<CommitMark> MarkOfCommit(const StartEvidence& evidence) {
  if (!evidence.committed) return std::nullopt;
  if (auto mark = protocol::ParseCommitMetadata(evidence.committed->metadata)) return mark;
  const bool ours = evidence.known && evidence.known->committed == evidence.committed->next;
  return ours ? std::optional(evidence.known->mark) : std::nullopt;
}

StartDecision Decide(const StartEvidence& evidence) {
  const auto& [committed, known, marks, check] = evidence;
  if (!committed) {
    return NextIncarnation(known,
                           "The group has no committed offset any more: the partition begins as "
                           "the document says, and its rows count as new.");
  }
  StartDecision decision;
  if (const auto mark = MarkOfCommit(evidence)) {
    decision.mark = *mark;
    decision.commit = committed->metadata.empty();
  } else {
    decision = NextIncarnation(known,
                               "The group's offset was reset by hand: the partition goes on from "
                               "there, and its rows count as new.");
  }
  decision.start = committed->next;
  if (check == StartEvidence::Check::kOther || committed->next > marks.high) {
    ++decision.mark.generation;
    decision.mark.before.reset();
    decision.start = marks.low;
    decision.commit = true;
    decision.anew = "The topic was made anew: the partition begins at its start.";
  } else if (committed->next < marks.low) {
    decision.expired = marks.low.rep() - committed->next.rep();
    decision.mark.before.reset();
    decision.start = marks.low;
    decision.commit = true;
  }
  decision.may_resume = known && decision.anew.empty() &&
                        known->mark.generation == decision.mark.generation &&
                        known->mark.incarnation == decision.mark.incarnation &&
                        known->published > *decision.start && known->published <= marks.high;
  return decision;
}

}  // namespace penstock::ingestor
