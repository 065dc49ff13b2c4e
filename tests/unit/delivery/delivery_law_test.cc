#include <cstdlib>

#include "delivery_world.h"

namespace penstock {
namespace {

using testing::WaitFor;
using testing::World;

std::uint64_t Seeds() {
  const char* wanted = std::getenv("PENSTOCK_DELIVERY_SEEDS");
  return wanted == nullptr ? 5 : std::strtoull(wanted, nullptr, 10);
}

// Until it has got some way, or (mostly) a moment.
void LetItWork(World& world, std::mt19937_64& random) {
  const std::uint64_t rows = world.TotalAccount()[Outcome::kRow];
  WaitFor([&] { return world.TotalAccount()[Outcome::kRow] >= rows + 20; },
          std::chrono::milliseconds(random() % 30));
}

void ExpectEachRecordOnceInTheEnd(World& world) {
  ASSERT_TRUE(WaitFor([&] { return world.kafka().Lag() == 0; }, std::chrono::seconds(30)))
      << world.kafka().Lag();
  const auto rows = world.table().Rows();
  EXPECT_EQ(rows.size(), world.good().size());
  for (const auto& [id, times] : rows) EXPECT_EQ(times, 1) << "row " << id;
  for (const std::int64_t id : world.good()) EXPECT_TRUE(rows.contains(id)) << "row " << id;
  EXPECT_EQ(world.TotalAccount().records, world.expected().records);
  EXPECT_EQ(world.DeadLetters().size(), world.expected()[Outcome::kDeadLetter]);
}

// The promise of the whole: whichever process dies at whatever moment, every record ends up exactly
// once as a row or a dead letter, the account says so, and Kafka's lag ends at zero.
TEST(DeliveryLawTest, EveryRecordIsOneRowOrOneDeadLetterWhoeverDies) {
  for (std::uint64_t seed = 1; seed <= Seeds(); ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937_64 random(seed);
    World world(seed, World::Stages::kIngestorAndSink);
    std::optional<World::IngestorLife> ingestor;
    std::optional<World::IngestorLife> second;
    std::optional<World::SinkLife> sink;
    for (int turn = 0; turn < 25; ++turn) {
      world.Produce(random() % 120);
      if (!ingestor) ingestor.emplace(world, random());
      if (!sink) sink.emplace(world, random());
      LetItWork(world, random);
      switch (random() % 4) {
        case 0:
          ingestor.reset();
          break;
        case 1:
          sink.reset();
          break;
        case 2:
          second.emplace(world, random());  // A rebalance, in the middle of everything.
          break;
        default:
          second.reset();
      }
    }
    if (!ingestor) ingestor.emplace(world, 0);
    if (!sink) sink.emplace(world, 0);
    ExpectEachRecordOnceInTheEnd(world);
  }
}

// With a transform between them, whose dedup store on disk loses its end each time.
TEST(DeliveryLawTest, EachKeyIsOneRowWhoeverDiesWithATransform) {
  for (std::uint64_t seed = 1; seed <= Seeds(); ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937_64 random(seed);
    World world(seed, World::Stages::kWithTransform);
    std::optional<World::IngestorLife> ingestor;
    std::optional<World::TransformLife> transform;
    std::optional<World::SinkLife> sink;
    for (int turn = 0; turn < 25; ++turn) {
      world.Produce(random() % 120);
      if (!ingestor) ingestor.emplace(world, random());
      if (!transform) transform.emplace(world, random());
      if (!sink) sink.emplace(world, random());
      LetItWork(world, random);
      switch (random() % 4) {
        case 0:
          ingestor.reset();
          break;
        case 1:
          sink.reset();
          break;
        case 2:
          transform.reset();
          break;
        default: {
          // Another one takes over while this one is still at work; who is overtaken ends.
          World::TransformLife other(world, random());
          WaitFor([] { return false; }, std::chrono::milliseconds(random() % 5));
          transform.reset();
        }
      }
    }
    if (!ingestor) ingestor.emplace(world, 0);
    if (!transform) transform.emplace(world, 0);
    if (!sink) sink.emplace(world, 0);
    ExpectEachRecordOnceInTheEnd(world);
  }
}

}  // namespace
}  // namespace penstock
