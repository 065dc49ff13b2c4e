#include "model/column.h"

#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/format.h"

namespace penstock {
namespace {

// What a row of any column should read as: its presence, and its value's bytes.
struct Want {
  Presence presence;
  std::string bytes;
  friend bool operator==(const Want&, const Want&) = default;
};

struct AnyColumn {
  Column column;
  std::vector<Want> want;
};

void AppendAny(std::mt19937_64& random, unsigned gaps_in_ten, AnyColumn& any) {
  const auto draw = static_cast<unsigned>(random() % 10);
  if (draw < gaps_in_ten) {
    const Presence presence = draw % 2 == 0 ? Presence::kNull : Presence::kAbsent;
    any.column.Append(Cell::Missing(presence));
    any.want.push_back({presence, ""});
    return;
  }
  const std::uint64_t number = random();
  const std::string text(random() % 200, static_cast<char>(number));
  const auto bytes_of = [](auto value) {
    return std::string(reinterpret_cast<const char*>(&value), sizeof value);
  };
  switch (any.column.type()) {
    case PhysicalType::kBool:
      any.column.Append(Cell::Bool(number % 2 == 1));
      any.want.push_back({Presence::kValue, bytes_of(static_cast<std::uint8_t>(number % 2))});
      return;
    case PhysicalType::kInt64:
      any.column.Append(Cell::Int64(static_cast<std::int64_t>(number)));
      break;
    case PhysicalType::kUint64:
      any.column.Append(Cell::Uint64(number));
      break;
    case PhysicalType::kFloat64: {
      const double real = static_cast<double>(number) / 3;
      any.column.Append(Cell::Float64(real));
      any.want.push_back({Presence::kValue, bytes_of(real)});
      return;
    }
    case PhysicalType::kString:
      any.column.Append(Cell::String(text));
      any.want.push_back({Presence::kValue, text});
      return;
    case PhysicalType::kJson:
      any.column.Append(Cell::Json(text));
      any.want.push_back({Presence::kValue, text});
      return;
  }
  any.want.push_back({Presence::kValue, bytes_of(number)});
}

std::vector<Want> Read(const ColumnView& view) {
  std::vector<Want> rows;
  const std::size_t width = FixedWidth(view.type);
  TextCursor cursor(view);
  for (std::size_t row = 0; row < view.rows; ++row) {
    std::string bytes;
    if (width > 0) {
      bytes = view.data.substr(row * width, width);
    } else {
      bytes = cursor.Next();
    }
    const Presence presence = view.At(row);
    if (presence != Presence::kValue) {
      // The slot of a row without a value is zero, so that it may be copied as it is.
      EXPECT_EQ(bytes, std::string(width, '\0'));
      bytes.clear();
    }
    rows.push_back({presence, bytes});
  }
  if (width > 0) {
    EXPECT_EQ(view.data.size(), view.rows * width);
  } else {
    EXPECT_TRUE(cursor.ok());
    EXPECT_EQ(cursor.at(), view.data.data() + view.data.size());
  }
  return rows;
}

// Any values and gaps of any type read back, also after Clear.
TEST(ColumnTest, RowsStayAligned) {
  for (unsigned seed = 0; seed < 600; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937_64 random(seed);
    AnyColumn any{Column("c", static_cast<PhysicalType>(seed % 6)), {}};
    for (int round = 0; round < 3; ++round) {
      const auto gaps_in_ten = static_cast<unsigned>(random() % 3 * 4);
      const std::size_t rows = random() % 60;
      for (std::size_t i = 0; i < rows; ++i) AppendAny(random, gaps_in_ten, any);
      ASSERT_EQ(any.column.rows(), rows);
      const ColumnView view = any.column.View();
      ASSERT_EQ(Read(view), any.want);
      ASSERT_EQ(any.column.bytes(), view.data.size() + view.presence.size());
      bool gaps = false;
      for (const Want& want : any.want) gaps |= want.presence != Presence::kValue;
      ASSERT_EQ(view.HasGaps(), gaps);  // Presence is paid for only where it is needed.
      any.column.Clear();
      any.want.clear();
    }
  }
}

TEST(ColumnTest, FixedReadsTheTypesValue) {
  Column column("n", PhysicalType::kInt64);
  column.Append(Cell::Int64(-5));
  column.Append(Cell::Missing(Presence::kNull));
  column.Append(Cell::Int64(7));
  EXPECT_EQ(column.View().Fixed<std::int64_t>(0), -5);
  EXPECT_EQ(column.View().Fixed<std::int64_t>(1), 0);
  EXPECT_EQ(column.View().Fixed<std::int64_t>(2), 7);
}

TEST(ColumnDeathTest, ACellOfAnotherTypeIsABug) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Column column("n", PhysicalType::kInt64);
  EXPECT_DEATH(column.Append(Cell::String("7")), "a cell goes into a column of its type");
}

// The bytes of a column come off the wire: a cursor never leaves them.
TEST(TextCursorTest, DamagedTextEndsIt) {
  for (unsigned seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937_64 random(seed);
    AnyColumn any{Column("c", PhysicalType::kString), {}};
    for (int i = 0; i < 10; ++i) AppendAny(random, 2, any);
    std::string data(any.column.View().data);
    if (seed % 2 == 0) data.resize(random() % data.size());
    if (seed % 2 == 1) data[random() % data.size()] = static_cast<char>(random());
    ColumnView damaged = any.column.View();
    damaged.data = data;
    TextCursor cursor(damaged);
    for (int i = 0; i < 10; ++i) {
      const std::string_view text = cursor.Next();
      if (text.empty()) continue;
      ASSERT_GE(text.data(), data.data());
      ASSERT_LE(text.data() + text.size(), data.data() + data.size());
    }
    if (seed % 2 == 0) {
      ASSERT_FALSE(cursor.ok());
    }
  }
}

TEST(TextCursorTest, SkipGoesAsFarAsNext) {
  for (unsigned seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937_64 random(seed);
    AnyColumn any{Column("c", PhysicalType::kJson), {}};
    for (int i = 0; i < 20; ++i) AppendAny(random, 3, any);
    TextCursor one(any.column.View());
    TextCursor other(any.column.View());
    const std::size_t rows = random() % 20;
    one.Skip(rows);
    for (std::size_t i = 0; i < rows; ++i) other.Next();
    ASSERT_EQ(one.at(), other.at());
  }
}

}  // namespace
}  // namespace penstock
