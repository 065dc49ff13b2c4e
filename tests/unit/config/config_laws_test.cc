#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/document.h"
#include "config/nearest.h"
#include "config/planner.h"
#include "unit/config/documents.h"

namespace penstock::config {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Node Tree(std::string_view text) {
  std::vector<Fault> faults;
  std::optional<Node> node = ParseNode(text, faults);
  PENSTOCK_CHECK(node.has_value(), "the tests' own documents parse");
  return *std::move(node);
}

// Calls `change` with a copy of the tree and each of its nodes but the root in turn.
void ForEachNode(const Node& root, const std::function<void(const Node&, Node&, Node&)>& change) {
  std::vector<std::vector<std::size_t>> paths = {{}};
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const std::vector<std::size_t> path = paths[i];
    Node copy = root;
    Node* node = &copy;
    for (const std::size_t child : path) node = &node->children[child];
    for (std::size_t child = 0; child < node->children.size(); ++child) {
      paths.push_back(path);
      paths.back().push_back(child);
    }
    if (path.empty()) continue;
    const Node original = *node;
    change(original, copy, *node);
  }
}

// The same but with what the node holds, for the two documents that have every key.
const char* const kDocuments[] = {kEverything, kEveryTransform};

// Maps whose keys are the user's own.
bool HasFreeKeys(const Node& node) {
  return node.key == "properties" || node.key == "settings" || node.key == "errors";
}

TEST(ConfigLaws, TheDocumentsHaveEveryKeyOfTheTable) {
  std::set<std::string> seen;
  for (const char* text : kDocuments) {
    const Node root = Tree(text);
    ForEachNode(root, [&](const Node& original, Node&, Node&) { seen.insert(original.key); });
  }
  const std::function<void(const std::vector<FieldInfo>&)> check =
      [&](const std::vector<FieldInfo>& fields) {
        for (const FieldInfo& field : fields) {
          EXPECT_TRUE(seen.contains(field.name)) << field.name;
          EXPECT_FALSE(field.doc.empty()) << field.name;
          EXPECT_FALSE(field.type.empty()) << field.name;
          for (const MemberGroup& group : field.groups) check(group.members);
        }
      };
  check(PipelineSchema().infos());
}

std::string Misspelt(std::string key, std::mt19937& random) {
  const std::size_t at = random() % key.size();
  switch (random() % 4) {
    case 0:
      return key.erase(at, 1);
    case 1:
      return key.insert(at, 1, 'x');
    case 2:
      key[at] = key[at] == 'q' ? 'w' : 'q';
      return key;
    default:
      if (at + 1 < key.size() && key[at] != key[at + 1]) {
        std::swap(key[at], key[at + 1]);
        return key;
      }
      return key + "s";
  }
}

TEST(ConfigLaws, EveryMisspeltKeyIsAFaultWithItsPlaceAndTheRightHint) {
  constexpr unsigned kSeed = 1;
  std::mt19937 random(kSeed);
  for (const char* text : kDocuments) {
    const Node root = Tree(text);
    std::set<std::string> free_keys;
    ForEachNode(root, [&](const Node& original, Node&, Node&) {
      if (!HasFreeKeys(original)) return;
      for (const Node& child : original.children) free_keys.insert(child.key);
    });
    ForEachNode(root, [&](const Node& original, Node& copy, Node& node) {
      if (original.key.empty() || free_keys.contains(original.key)) return;
      node.key = Misspelt(original.key, random);
      SCOPED_TRACE(fmt::format("seed {}: {} as {}", kSeed, original.key, node.key));
      const std::string misspelt = node.key;
      const Document document = ReadNode(copy, SecretOptions(), {});
      bool found = false;
      for (const Fault& fault : document.faults) {
        EXPECT_GT(fault.line, 0) << fault.path << ": " << fault.message;
        if (!fault.path.ends_with(misspelt) || fault.line != original.key_mark.line) continue;
        // One edit away: the key itself, or another that is as near ("hosst": host, hosts).
        const std::size_t hint = fault.message.find("did you mean \"");
        if (hint == std::string::npos) continue;
        const std::string meant =
            fault.message.substr(hint + 14, fault.message.rfind('"') - hint - 14);
        found = found || meant == original.key || EditDistance(meant, misspelt) == 1;
      }
      EXPECT_TRUE(found) << FaultsAsText(document.faults, "");
    });
  }
}

TEST(ConfigLaws, NoWrongKindGoesUnnoticedOrUnplaced) {
  Node map;
  map.kind = Node::Kind::kMap;
  map.mark = {1, 1};
  Node list;
  list.kind = Node::Kind::kList;
  list.children = {map};
  Node boolean;
  boolean.kind = Node::Kind::kBool;
  boolean.text = "true";
  for (const char* text : kDocuments) {
    const Node root = Tree(text);
    for (const Node& wrong : {map, list, boolean}) {
      ForEachNode(root, [&](const Node& original, Node& copy, Node& node) {
        if (original.kind == wrong.kind || original.key == "default") return;
        const bool is_text_map = wrong.is_scalar() && (original.key == "socket.timeout.ms" ||
                                                       original.key == "max_threads");
        if (is_text_map) return;
        node.kind = wrong.kind;
        node.text = wrong.text;
        node.children = wrong.children;
        SCOPED_TRACE(fmt::format("{} as {}", original.key, KindName(wrong.kind)));
        const Document document = ReadNode(copy, SecretOptions(), {});
        // An empty map may be all that is wanted of optional parts: those are lists or scalars
        // here.
        EXPECT_FALSE(document.ok());
        for (const Fault& fault : document.faults) {
          EXPECT_GT(fault.line, 0) << fault.path << ": " << fault.message;
        }
      });
    }
  }
}

// Every secret field has kSecret; whatever else is wrong, no message and no plan shows it.
TEST(ConfigLaws, SecretsAreNeverShown) {
  std::string text = kEverything;
  for (const char* name : {"kerberos_keytab: BQIAAABH", "api_key: key", "url: nats://nats:4222",
                           "socket.timeout.ms: 10000"}) {
    const std::string line = name;
    text = Replaced(text, line, line.substr(0, line.find(": ") + 2) + kSecret);
  }
  const Node root = Tree(text);
  const auto check = [](const Document& document) {
    EXPECT_THAT(FaultsAsText(document.faults, ""), Not(HasSubstr(kSecret)));
    EXPECT_THAT(FaultsAsText(document.notes, ""), Not(HasSubstr(kSecret)));
    EXPECT_THAT(FaultsAsText(document.not_built_yet, ""), Not(HasSubstr(kSecret)));
  };
  const Document document = ReadPipeline(text, SecretOptions());
  check(document);
  ASSERT_TRUE(document.ok()) << FaultsAsText(document.faults, "");
  const PipelinePlan plan = MakePlan(document.spec);
  EXPECT_THAT(DescribePlan(document.spec, plan, 2), Not(HasSubstr(kSecret)));
  EXPECT_THAT(DescribePlanAsJson(document.spec, plan, 2), Not(HasSubstr(kSecret)));
  ForEachNode(root, [&](const Node& original, Node& copy, Node& node) {
    SCOPED_TRACE(original.key);
    if (!node.is_scalar()) return;
    // The secret out of the environment at every other place, too.
    node.kind = Node::Kind::kText;
    node.text = "${X_PASSWORD}";
    check(ReadNode(copy, SecretOptions(), {}));
    // A number where a password belongs; certificates are no secrets.
    if (original.text.find("_PASSWORD}") == std::string::npos) return;
    node.kind = Node::Kind::kInt;
    node.text = kSecret;
    check(ReadNode(copy, SecretOptions(), {}));
  });
}

TEST(ConfigLaws, JsonReadAsYamlIsTheSameTree) {
  const std::filesystem::path folder = PENSTOCK_SOURCE_DIR "/tests/conformance/vectors/pipelines";
  int compared = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    std::vector<Fault> faults;
    const std::optional<Node> json = ParseJson(text, faults);
    const std::optional<Node> yaml = ParseYaml(text, faults);
    ASSERT_TRUE(json && yaml) << entry.path();
    EXPECT_EQ(ToJson(*json), ToJson(*yaml)) << entry.path();
    const std::function<void(const Node&, const Node&)> same_places = [&](const Node& a,
                                                                          const Node& b) {
      EXPECT_EQ(a.mark.line, b.mark.line) << entry.path() << " " << a.key;
      EXPECT_EQ(a.mark.column, b.mark.column) << entry.path() << " " << a.key;
      for (std::size_t i = 0; i < a.children.size(); ++i) same_places(a.children[i], b.children[i]);
    };
    same_places(*json, *yaml);
    ++compared;
  }
  EXPECT_GT(compared, 100);
}

// Whatever the bytes: a pipeline or faults with places, never a crash.
TEST(ConfigLaws, AnyBytesArePipelineOrFaults) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    std::mt19937 random(seed);
    std::string text = seed % 2 == 0 ? std::string(kEverything) : ToJson(Tree(kEverything));
    for (unsigned i = 0; i < 1 + random() % 8; ++i) {
      const std::size_t at = random() % text.size();
      switch (random() % 3) {
        case 0:
          text[at] = static_cast<char>(random() % 256);
          break;
        case 1:
          text.erase(at, random() % 40);
          break;
        default:
          text.insert(at, text.substr(random() % text.size(), random() % 40));
      }
    }
    for (const Fault& fault : ReadPipeline(text, SecretOptions()).faults) {
      EXPECT_GT(fault.line, 0) << fault.path << ": " << fault.message;
    }
  }
}

}  // namespace
}  // namespace penstock::config
