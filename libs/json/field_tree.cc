#include "json/field_tree.h"

#include <algorithm>

#include "base/hash.h"

namespace penstock::json {

bool FieldNode::AddField(std::string_view name, int index) {
  FieldNode& whole = Child(name);
  if (whole.field != kNoField) return false;
  whole.field = index;
  whole.literal = true;
  if (name.find('.') == std::string_view::npos) return true;
  FieldNode* node = this;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('.', begin), name.size());
    node = &node->Child(name.substr(begin, end - begin));
    begin = end + 1;
  }
  node->field = index;
  return true;
}

FieldNode* FieldNode::Find(std::string_view name) {
  FieldNode* found = Lookup(name);
  if (found == nullptr && others_ < kMaxOthers && name.size() <= NamePattern::kMaxName) {
    found = &Child(name);
    ++others_;
  }
  return found;
}

FieldNode* FieldNode::Lookup(std::string_view name) const {
  if (slots_.empty()) return nullptr;
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = Hash64(name) & mask; slots_[i] != nullptr; i = (i + 1) & mask) {
    if (slots_[i]->name_ == name) return slots_[i];
  }
  return nullptr;
}

FieldNode& FieldNode::Child(std::string_view name) {
  if (FieldNode* found = Lookup(name); found != nullptr) return *found;
  children_.push_back(std::make_unique<FieldNode>(std::string(name)));
  if (children_.size() * 2 > slots_.size()) {
    slots_.assign(std::max<std::size_t>(4, slots_.size() * 2), nullptr);
    for (const auto& child : children_) Insert(child.get());
  } else {
    Insert(children_.back().get());
  }
  return *children_.back();
}

void FieldNode::Insert(FieldNode* child) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t i = Hash64(child->name_) & mask;
  while (slots_[i] != nullptr) i = (i + 1) & mask;
  slots_[i] = child;
}

}  // namespace penstock::json
