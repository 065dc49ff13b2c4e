// Streams and the bucket that are deleted under a pipeline at work: they are made
// again, and no process ends.

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "crash/sharing.h"
#include "protocol/names.h"
#include "support/nats_server.h"

namespace penstock::testing {
namespace {

using namespace std::chrono_literals;

/// On a nats-server of its own: some versions die of a question about a stream that is just being
/// made. Then it is started again, as by whoever watches over it.
class LostStreamTest : public SharingTest {
 protected:
  void SetUp() override {
    SharingTest::SetUp();
    if (IsSkipped()) return;
    pipeline_ = &NewDedupPipeline();
    pipeline_->UseNats(nats_->url());
    load_ = &StartLoad(*pipeline_, 10'000, 5'000, 10);
    pipeline_->StartIngestor();
    StartTransform(*pipeline_, x_.emplace(pipeline_->NewTransform("x")));
    StartSink(*pipeline_, a_.emplace(pipeline_->NewSink("a")));
    StartSink(*pipeline_, b_.emplace(pipeline_->NewSink("b")));
    WaitUntilAllWork();
  }
  void TearDown() override {
    if (x_ && HasFailure()) PrintEnds({&*a_, &*b_, &*x_, &pipeline_->ingestor()});
    if (nats_deaths_ > 0) fmt::print("nats-server died {} times of it\n", nats_deaths_);
    a_.reset();
    b_.reset();
    x_.reset();
    SharingTest::TearDown();
  }

  void Await(const std::string& what, const std::function<bool()>& condition) {
    WaitFor(
        what,
        [&] {
          if (nats_->RestartIfItDied()) ++nats_deaths_;
          return condition();
        },
        90s);
  }
  void WaitUntilAllWork() {
    Await("the shards are shared", [&] {
      return AreShared({&*a_, &*b_}, kShards) && AreShared({&*x_}, kShards);
    });
  }
  double Restarts() const {
    double restarts = 0;
    for (const auto* const replica : {&a_, &b_, &x_}) {
      restarts += (*replica)->Metrics().Sum("penstock_shard_restarts_total");
    }
    return restarts;
  }
  void Delete(const std::string& stream) {
    LetPass(500ms, 1s);
    const double before = Restarts();
    ASSERT_TRUE(pipeline_->streams().Remove(stream).ok());
    Await(stream + " is missed", [&] { return Restarts() > before; });
    Await(stream + " is there again", [&] { return pipeline_->streams().State(stream).ok(); });
    WaitUntilAllWork();
  }
  void Delete(Hop hop) { Delete(protocol::StreamName(pipeline_->id(), hop, ShardId(1))); }

  const std::unique_ptr<NatsServer> nats_ = NatsServer::Start();
  PipelineHarness* pipeline_ = nullptr;
  Load* load_ = nullptr;
  std::optional<ServiceProcess> a_;
  std::optional<ServiceProcess> b_;
  std::optional<ServiceProcess> x_;
  int nats_deaths_ = 0;
};

TEST_F(LostStreamTest, DeletedStreamsAreMadeAgain) {
  for (const Hop hop : {Hop::kKeys, Hop::kIn, Hop::kOut}) Delete(hop);
  ExpectEachKeyExactlyOnce(*pipeline_, "deleted streams", [](std::uint64_t) { return true; });
}

// The records were in it: rows that were in the table and not committed yet come again, and stay.
TEST_F(LostStreamTest, ADeletedBucketIsMadeAgain) {
  Delete("KV_" + protocol::Bucket(pipeline_->id()));
  LetPass(1s, 2s);
  const std::uint64_t records = load_->Finish();
  const auto distinct = [&] {
    return pipeline_->clickhouse().Number("SELECT uniqExact(id) FROM " + pipeline_->table());
  };
  Await("every id is there", [&] { return distinct() == load_->distinct(); });
  pipeline_->WaitForCommits(kafka(), 90s);
  const std::uint64_t repeated = pipeline_->Rows() - distinct();
  fmt::print("a deleted bucket: {} records of {} ids: {} lost, {} repeated\n", records,
             load_->distinct(), load_->distinct() - distinct(), repeated);
  EXPECT_LT(repeated, records / 4) << "only what was not committed";
  WaitUntilAllWork();
}

}  // namespace
}  // namespace penstock::testing
