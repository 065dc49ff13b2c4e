#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "config/document.h"
#include "conformance/kind.h"

namespace penstock::conformance {

namespace {

config::Node ReadVector(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  std::vector<config::Fault> faults;
  std::optional<config::Node> node = config::ParseNode(text, faults);
  if (!node) throw std::runtime_error(config::FaultsAsText(faults, file.string()));
  return *std::move(node);
}

Outcome RunOne(const std::filesystem::path& file) {
  const config::Node vector = ReadVector(file);
  const config::Node* id = vector.Find("id");
  const config::Node* valid = vector.Find("valid");
  const config::Node* pipeline = vector.Find("pipeline");
  if (id == nullptr || valid == nullptr || pipeline == nullptr) {
    throw std::runtime_error(file.string() + ": must have id, valid and pipeline");
  }
  const config::Document document = config::ReadNode(*pipeline, {}, {});
  const bool wanted = valid->text == "true";
  if (document.ok() == wanted) return {id->text, ""};
  return {id->text, wanted ? "refused: " + config::FaultsAsText(document.faults, "")
                           : "accepted; the reference refuses it"};
}

}  // namespace

std::vector<Outcome> RunPipelines(const std::filesystem::path& path) {
  std::vector<std::filesystem::path> files;
  if (std::filesystem::is_directory(path)) {
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      if (entry.path().extension() == ".json") files.push_back(entry.path());
    }
  } else {
    files.push_back(path);
  }
  std::sort(files.begin(), files.end());
  std::vector<Outcome> outcomes;
  for (const std::filesystem::path& file : files) outcomes.push_back(RunOne(file));
  return outcomes;
}

}  // namespace penstock::conformance
