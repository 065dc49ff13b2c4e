#include "support/fake_record_source.h"

#include "support/record_source_conformance.h"

namespace penstock::testing {
namespace {

class FakeWorld final : public RecordSourceWorld {
 public:
  std::unique_ptr<io::RecordSource> Join() override { return kafka_.Join(/*records_a_poll=*/37); }
  void Append(std::int32_t partition, const std::vector<FakeRecord>& records) override {
    for (const FakeRecord& record : records) kafka_.Append(partition, record);
  }
  void AppendGap(std::int32_t partition) override { kafka_.AppendGap(partition, 1); }
  void DeleteBefore(std::int32_t partition, Offset offset) override {
    kafka_.DeleteBefore(partition, offset);
  }
  io::Watermarks Marks(std::int32_t partition) override { return kafka_.Marks(partition); }
  std::optional<io::CommittedOffset> Committed(std::int32_t partition) override {
    return kafka_.Committed(partition);
  }
  std::chrono::milliseconds Quiet() const override { return std::chrono::milliseconds(0); }

 private:
  FakeKafka kafka_{kPartitions};
};

INSTANTIATE_TEST_SUITE_P(Fake, RecordSourceConformance,
                         ::testing::Values([]() -> std::unique_ptr<RecordSourceWorld> {
                           return std::make_unique<FakeWorld>();
                         }));

}  // namespace
}  // namespace penstock::testing
