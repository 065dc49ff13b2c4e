#include "sink/fault_policy.h"

#include <gtest/gtest.h>

namespace penstock::sink {
namespace {

using clickhouse::ErrorClass;

TableTrouble Of(ErrorClass error_class) {
  TableTrouble trouble;
  trouble.error_class = error_class;
  return trouble;
}

TEST(FaultPolicyTest, WhatMayPassIsRepeated) {
  for (const ErrorClass passes : {ErrorClass::kTransient, ErrorClass::kPressure,
                                  ErrorClass::kCapacity, ErrorClass::kAccess}) {
    EXPECT_EQ(NextStep(Of(passes), {.rows = 1}), Step::kRetry);
    EXPECT_EQ(NextStep(Of(passes), {.rows = 1000, .unanswered = true}), Step::kRetry);
  }
  EXPECT_EQ(NextStep(Of(ErrorClass::kSchema), {.rows = 1000}), Step::kDescribe);
}

TEST(FaultPolicyTest, BadDataIsBisectedToTheSingleRow) {
  EXPECT_EQ(NextStep(Of(ErrorClass::kData), {.rows = 2}), Step::kHalve);
  EXPECT_EQ(NextStep(Of(ErrorClass::kData), {.rows = 2, .unanswered = true}), Step::kHalve);
  EXPECT_EQ(NextStep(Of(ErrorClass::kData), {.rows = 1}), Step::kGiveUp);
}

// A block that may be in the table is only halved when nothing else helps.
TEST(FaultPolicyTest, MemoryHalvesWhatWasAnswered) {
  const TableTrouble memory = Of(ErrorClass::kMemory);
  EXPECT_EQ(NextStep(memory, {.rows = 2, .memory_refusals = 1}), Step::kHalve);
  EXPECT_EQ(NextStep(memory, {.rows = 2, .unanswered = true, .memory_refusals = 9}), Step::kRetry);
  EXPECT_EQ(NextStep(memory, {.rows = 2, .unanswered = true, .memory_refusals = 10}), Step::kHalve);
  EXPECT_EQ(NextStep(memory, {.rows = 1, .memory_refusals = 50}), Step::kRetry);
}

TEST(FaultPolicyTest, TooManyPartitionsAreSplitByPartition) {
  EXPECT_EQ(NextStep(Of(ErrorClass::kSplit), {.rows = 2, .unanswered = true}), Step::kPartition);
  EXPECT_EQ(NextStep(Of(ErrorClass::kSplit), {.rows = 1}), Step::kRetry);
}

// A code that nobody knows is not the rows' fault until other rows went in.
TEST(FaultPolicyTest, AnUnknownCodeBlamesARowOnlyWhenOthersGoIn) {
  const TableTrouble unknown = Of(ErrorClass::kUnknown);
  EXPECT_EQ(NextStep(unknown, {.rows = 8, .block_unknown_refusals = 4}), Step::kRetry);
  EXPECT_EQ(NextStep(unknown, {.rows = 8, .block_unknown_refusals = 5}), Step::kHalve);
  EXPECT_EQ(NextStep(unknown, {.rows = 8, .unanswered = true, .block_unknown_refusals = 5}),
            Step::kRetry);
  EXPECT_EQ(NextStep(unknown, {.rows = 1, .unknown_refusals = 100, .block_unknown_refusals = 200}),
            Step::kRetry);
  EXPECT_EQ(NextStep(unknown, {.rows = 1, .unknown_refusals = 10, .others_inserted = true}),
            Step::kGiveUp);
  EXPECT_EQ(NextStep(unknown, {.rows = 1, .unknown_refusals = 9, .others_inserted = true}),
            Step::kRetry);
}

}  // namespace
}  // namespace penstock::sink
