#include "stage/shard_record_store.h"

#include <functional>
#include <utility>

#include <gtest/gtest.h>

#include "support/fake_key_value.h"

namespace penstock::stage {
namespace {

using testing::FakeKeyValue;

/// The bucket as one owner sees it, to whom something happens just before its first update.
class OvertakenBucket final : public io::KeyValue {
 public:
  OvertakenBucket(FakeKeyValue& bucket, std::function<void()> before)
      : bucket_(bucket), before_(std::move(before)) {}

  Result<std::optional<io::KeyValueEntry>> Get(const std::string& key) override {
    return bucket_.Get(key);
  }
  Result<std::uint64_t> Create(const std::string& key, std::string_view value) override {
    return bucket_.Create(key, value);
  }
  Result<std::uint64_t> Update(const std::string& key, std::string_view value,
                               std::uint64_t revision) override {
    if (const auto before = std::exchange(before_, {})) before();
    return bucket_.Update(key, value, revision);
  }
  Status Remove(const std::string& key) override { return bucket_.Remove(key); }
  Result<std::unique_ptr<Watch>> WatchPrefix(const std::string& prefix,
                                             ChangeCallback on_change) override {
    return bucket_.WatchPrefix(prefix, std::move(on_change));
  }

 private:
  FakeKeyValue& bucket_;
  std::function<void()> before_;
};

// Each would write the same record: only one of them may take it for its own.
TEST(ShardRecordStoreTest, TwoThatStartAtOnceHaveTermsOfTheirOwn) {
  FakeKeyValue bucket;
  ShardRecordStore fast(bucket, ShardId(0), SystemClock());
  ShardRecord fast_record;
  OvertakenBucket overtaken(bucket, [&] { fast_record = fast.TakeOver({}).value(); });
  ShardRecordStore slow(overtaken, ShardId(0), SystemClock());
  const ShardRecord slow_record = slow.TakeOver({}).value();
  EXPECT_NE(slow_record.term, fast_record.term);
  EXPECT_TRUE(slow.Write(slow_record, {}).ok());
  EXPECT_EQ(fast.Write(fast_record, {}).error().code, "conflict");
}

TEST(ShardRecordStoreTest, ALostAnswerCostsATerm) {
  FakeKeyValue bucket;
  bucket.faults().Add(
      {.kind = testing::FaultKind::kLostAnswer, .operation = "Update", .about = {}});
  ShardRecordStore store(bucket, ShardId(0), SystemClock());
  const ShardRecord record = store.TakeOver({}).value();
  EXPECT_EQ(record.term, 2U);
  EXPECT_TRUE(store.Write(record, {}).ok());
}

}  // namespace
}  // namespace penstock::stage
