#include "stage/output_stream.h"

#include <future>
#include <vector>

#include <gtest/gtest.h>

#include "support/fake_streams.h"
#include "support/patience.h"

namespace penstock::stage {
namespace {

using Fence = OutputStream::Fence;
using testing::CodeOf;
using testing::FakeStreams;
using testing::FaultKind;

/// A message whose checkpoint is `position`.
std::string Message(std::uint64_t position) {
  Batch batch;
  batch.input = Position{.created_ns = 1, .seq = StreamSeq(position), .digest = 0};
  std::string message;
  protocol::EncodeBatch(batch, 1, Codec::kNone, message);
  return message;
}

class OutputStreamTest : public ::testing::TestWithParam<Fence> {
 protected:
  OutputStreamTest() { EXPECT_TRUE(server_.Ensure({.name = "S", .subjects = {"s.*"}}).ok()); }

  struct Writer {
    Writer(FakeStreams& server, Fence fence, const std::string& subject = "s.a")
        : streams(server),
          output({.stream = "S", .subject = subject, .fence = fence},
                 {streams,
                  streams,
                  SystemClock(),
                  {.waits = [this](const Error&) { ++waits; },
                   .refused = [this](const Error&) { ++refused; },
                   .published = [this](std::size_t, Clock::Duration) { ++published; }}}) {}
    /// The checkpoint that it finds; 0 without one.
    std::uint64_t Open() {
      const auto last = output.Open({});
      EXPECT_TRUE(last.ok()) << last.error().detail;
      return last.value() ? last.value()->input->seq.rep() : 0;
    }
    std::string_view Publish(std::uint64_t position) {
      return CodeOf(output.Publish(Message(position), {}));
    }

    FakeStreams streams;
    int waits = 0;
    int refused = 0;
    int published = 0;
    OutputStream output;
  };
  std::vector<std::uint64_t> Checkpoints() {
    std::vector<std::uint64_t> found;
    for (const auto& message : server_.Messages("S")) {
      found.push_back(protocol::ReadEnvelope(message.data).value().input->seq.rep());
    }
    return found;
  }

  FakeStreams server_;
};
using Positions = std::vector<std::uint64_t>;

TEST_P(OutputStreamTest, TheNextOwnerFindsTheLastCheckpointAndTheOldOneIsOut) {
  Writer first(server_, GetParam());
  EXPECT_EQ(first.Open(), 0U);
  EXPECT_FALSE(first.output.had_messages());
  EXPECT_EQ(first.Publish(1), "ok");
  EXPECT_EQ(first.Publish(2), "ok");
  EXPECT_EQ(first.published, 2);
  Writer second(server_, GetParam());
  EXPECT_EQ(second.Open(), 2U);
  EXPECT_TRUE(second.output.had_messages());
  EXPECT_EQ(second.Publish(3), "ok");
  EXPECT_EQ(first.Publish(3), "ok") << "the same message is as good as one's own";
  EXPECT_EQ(second.Publish(4), "ok");
  EXPECT_EQ(first.Publish(7), "conflict");
  EXPECT_EQ(Checkpoints(), (Positions{1, 2, 3, 4}));
}

TEST_P(OutputStreamTest, ALostAnswerIsNoSecondMessage) {
  Writer writer(server_, GetParam());
  writer.streams.faults().Add({.kind = FaultKind::kUnavailable, .operation = {}, .about = {}});
  EXPECT_EQ(writer.Open(), 0U);
  EXPECT_EQ(writer.waits, 1);
  writer.streams.faults().Add(
      {.kind = FaultKind::kLostAnswer, .operation = "Publish", .about = {}});
  EXPECT_EQ(writer.Publish(1), "ok");
  EXPECT_EQ(writer.refused, 1);
  EXPECT_EQ(writer.Publish(2), "ok");
  EXPECT_EQ(Checkpoints(), (Positions{1, 2}));
}

// Nobody has overtaken the writer; it begins anew with the stream that is there.
TEST_P(OutputStreamTest, AStreamThatIsGoneOrWasMadeAnewIsNoConflict) {
  Writer writer(server_, GetParam());
  EXPECT_EQ(writer.Open(), 0U);
  EXPECT_EQ(writer.Publish(1), "ok");
  ASSERT_TRUE(server_.Remove("S").ok());
  EXPECT_EQ(writer.Publish(2), "not_found");
  ASSERT_TRUE(server_.Ensure({.name = "S", .subjects = {"s.*"}}).ok());
  EXPECT_EQ(writer.Publish(2), "not_found");
  EXPECT_EQ(Checkpoints(), Positions{});
  EXPECT_EQ(writer.Open(), 0U);
  EXPECT_EQ(writer.Publish(2), "ok");
}

INSTANTIATE_TEST_SUITE_P(Fences, OutputStreamTest,
                         ::testing::Values(Fence::kStream, Fence::kSubject));

using SubjectFenceTest = OutputStreamTest;

TEST_P(SubjectFenceTest, OtherWritersOfTheStreamDoNotMatter) {
  Writer a(server_, GetParam());
  Writer b(server_, GetParam(), "s.b");
  EXPECT_EQ(b.Open(), 0U);
  EXPECT_EQ(b.Publish(10), "ok");
  EXPECT_EQ(a.Open(), 0U) << "the stream has messages, the subject none";
  EXPECT_EQ(a.Publish(1), "ok");
  EXPECT_EQ(b.Publish(11), "ok");
  EXPECT_EQ(a.Publish(2), "ok");
  Writer next(server_, GetParam());
  EXPECT_EQ(next.Open(), 2U);
}

TEST_P(SubjectFenceTest, AReaderMayTakeTheLastMessageAway) {
  Writer writer(server_, GetParam());
  EXPECT_EQ(writer.Open(), 0U);
  EXPECT_EQ(writer.Publish(1), "ok");
  ASSERT_TRUE(server_.Trim("S", StreamSeq(2)).ok());
  EXPECT_EQ(writer.Publish(2), "ok");
  EXPECT_EQ(writer.Publish(3), "ok");
  EXPECT_EQ(writer.refused, 0) << "that is no refusal";
  EXPECT_EQ(Checkpoints(), (Positions{2, 3}));

  // A lost answer, and then none to the question what is there.
  writer.streams.faults().Add(
      {.kind = FaultKind::kLostAnswer, .operation = "Publish", .about = {}});
  writer.streams.faults().Add(
      {.kind = FaultKind::kUnavailable, .operation = "LastOn", .about = {}});
  EXPECT_EQ(writer.Publish(4), "ok");
  EXPECT_EQ(Checkpoints(), (Positions{2, 3, 4}));
}

TEST_P(SubjectFenceTest, MessagesToSeveralOutputsAreOnTheirWayTogether) {
  Writer a(server_, GetParam());
  Writer b(server_, GetParam(), "s.b");
  EXPECT_EQ(a.Open() + b.Open(), 0U);
  a.streams.HoldAnswers();
  b.streams.HoldAnswers();
  const std::string first = Message(1);
  const std::string second = Message(2);
  auto published = std::async(std::launch::async, [&] {
    return CodeOf(OutputStream::PublishAll(
        std::vector<OutputStream::Outgoing>{{a.output, first}, {b.output, second}}, {}));
  });
  EXPECT_TRUE(testing::Eventually([&] { return Checkpoints().size() == 2; }))
      << "without an answer to either";
  EXPECT_EQ(b.streams.ReleaseAnswers(), 1U);
  EXPECT_EQ(a.streams.ReleaseAnswers(), 1U);
  EXPECT_EQ(published.get(), "ok");

  // Each has its own troubles.
  a.streams.faults().Add({.kind = FaultKind::kLostAnswer, .operation = "Publish", .about = {}});
  const std::string third = Message(3);
  const std::vector<OutputStream::Outgoing> next{{a.output, third}, {b.output, third}};
  EXPECT_EQ(CodeOf(OutputStream::PublishAll(next, {})), "ok");
  EXPECT_EQ(Checkpoints(), (Positions{1, 2, 3, 3}));
  Writer other(server_, GetParam(), "s.b");
  EXPECT_EQ(other.Open(), 3U);
  EXPECT_EQ(other.Publish(4), "ok");
  const std::string fourth = Message(5);
  const std::vector<OutputStream::Outgoing> late{{a.output, fourth}, {b.output, fourth}};
  EXPECT_EQ(CodeOf(OutputStream::PublishAll(late, {})), "conflict");
}

INSTANTIATE_TEST_SUITE_P(Subject, SubjectFenceTest, ::testing::Values(Fence::kSubject));

}  // namespace
}  // namespace penstock::stage
