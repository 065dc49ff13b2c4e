#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "json/name_pattern.h"

namespace penstock::json {

/// The names that a parser looks for, as a tree: a field `a.b` is the member `a.b` of the record
/// and also the member `b` of its member `a`. One thread.
class FieldNode {
 public:
  static constexpr int kNoField = -1;

  explicit FieldNode(std::string name) : name_(std::move(name)), pattern_(name_) {}

  const NamePattern& pattern() const { return pattern_; }
  /// Whether fields lie below.
  bool is_path() const { return children_.size() > others_; }
  const std::vector<std::unique_ptr<FieldNode>>& children() const { return children_; }

  /// Adds the field called `name` below this root. False: it is there already.
  bool AddField(std::string_view name, int index);

  /// The child with this name (unescaped). A name that is none of ours gets a child without a
  /// field, so that the next record's is expected and quickly skipped; null when it is
  /// long or there are kMaxOthers of these already.
  FieldNode* Find(std::string_view name);
  static constexpr std::size_t kMaxOthers = 100;

  /// The field that a value here belongs to, or kNoField.
  int field = kNoField;
  /// The name is the whole name of the field: it wins over the nested path.
  bool literal = false;

  /// Memory of the parser: which name followed this one (or came first in this object) in the
  /// last record. Most producers write their members in the same order each time.
  FieldNode* next = nullptr;
  FieldNode* first = nullptr;
  /// The last record in which this object was seen.
  std::uint64_t record = 0;

 private:
  FieldNode* Lookup(std::string_view name) const;
  FieldNode& Child(std::string_view name);
  void Insert(FieldNode* child);

  std::string name_;
  NamePattern pattern_;
  std::vector<std::unique_ptr<FieldNode>> children_;
  std::size_t others_ = 0;         // Children without a field in or below them.
  std::vector<FieldNode*> slots_;  // By hash of the name; a power of two, at most half full.
};

}  // namespace penstock::json
