#include "expr/check_schema.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>

namespace penstock::expr {
namespace {

using ::testing::HasSubstr;

std::vector<SchemaField> Fields() {
  std::vector<SchemaField> fields(5);
  fields[0].name = "id";
  fields[1].name = "amount";
  fields[1].type = FieldType::kFloat64;
  fields[2].name = "user.name";
  fields[3].name = "tags";
  fields[3].type = FieldType::kArray;
  fields[4].name = "qty";
  fields[4].type = FieldType::kInt64;
  return fields;
}

std::string Filter(std::string_view text) {
  const Status status = CheckFilter(text, Fields());
  return status.ok() ? "" : status.error().detail;
}

TEST(CheckSchemaTest, ErrorsShowThePlaceAndWhatIsDeclared) {
  EXPECT_EQ(Filter("id > 5"),
            "1:4: '>' cannot take a string and an integer\n"
            "  id > 5\n"
            "     ^");
  EXPECT_THAT(Filter("amuont > 5"), HasSubstr("unknown name 'amuont'; did you mean 'amount'?"));
  EXPECT_THAT(Filter("total > 5"),
              HasSubstr("unknown name 'total'; the declared fields are amount, id, qty, tags, "));
  EXPECT_THAT(Filter("toInt(id) > 5"), HasSubstr("exists in stateless transformations only"));
}

TEST(CheckSchemaTest, AFilterMustBeBooleanAsFarAsThatIsKnown) {
  EXPECT_THAT(Filter("amount"), HasSubstr("must be a boolean, this one is a float"));
  EXPECT_THAT(Filter(""), HasSubstr("empty"));
  EXPECT_EQ(Filter("user.name"), "");
  EXPECT_EQ(Filter("\"x\" in tags and user?.name != nil"), "");
}

TEST(CheckSchemaTest, IntegersAreFloatsInAFilterOnly) {
  EXPECT_THAT(Filter("qty % 2 == 0"), HasSubstr("make integers of them with int()"));
  EXPECT_TRUE(CheckStateless("qty % 2", Fields()).ok());
}

}  // namespace
}  // namespace penstock::expr
