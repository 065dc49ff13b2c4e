#include "json/record_parser.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/format.h"
#include "json/field_rule.h"
#include "json/field_tree.h"
#include "json/number.h"
#include "json/structural_index.h"
#include "json/token_cursor.h"
#include "json/unescape.h"
#include "model/dead_letter.h"

namespace penstock::json {

namespace {

constexpr std::size_t kFrameBytes = 5;

Error ParseError(std::size_t offset, std::string_view what) {
  return Error{Remedy::kDeadLetter, ToText(DeadLetterReason::kParseError),
               fmt::format("failed to parse json: at byte {}: {}", offset, what)};
}

// What has been found for a field in the record at hand.
struct Found {
  enum Place : std::uint8_t { kNowhere, kNested, kLiteral };
  Place place = kNowhere;
  Flaw flaw = Flaw::kNone;
  char first = 0;  ///< The value's first character.
};

}  // namespace

struct RecordParser::Impl {
  RecordParserOptions options;
  std::vector<FieldRule> rules;
  std::size_t sent = 0;
  FieldNode root{""};

  std::vector<Cell> cells;  // The sent fields' in the plan's order, then the others'.
  std::vector<Found> found;
  std::uint64_t record = 0;
  StructuralIndex index;
  TokenCursor cursor;
  std::string unescaped;  // Never grows while a record is parsed: cells point into it.
  char* unescaped_end = nullptr;

  Result<std::span<const Cell>> Parse(std::string_view text);
  bool Object(FieldNode& node);
  bool FindChild(FieldNode& parent, FieldNode*& child);
  bool Member(FieldNode& node);
  bool InnerObject(FieldNode& node);
  Found* Claim(const FieldNode& node, char first);
  bool Value(const FieldRule& rule, Found& state, Cell& cell);
  bool Text(Cell& cell);
  bool Number(const FieldRule& rule, Found& state, Cell& cell);
  bool Raw(Cell& cell);
  bool Unescaped(std::string_view raw, std::string_view& text);
  void ForgetBelow(const FieldNode& node);
  const FieldRule* FillGaps();
};

// Walks one object that has fields of ours in it, with the cursor at its '{'.
bool RecordParser::Impl::Object(FieldNode& node) {
  cursor.Next();
  if (cursor.Peek() == '}') return true;
  FieldNode** guess = &node.first;
  while (true) {
    FieldNode* child = *guess;
    if (child == nullptr || !cursor.TakeIfName(child->pattern())) {
      if (!FindChild(node, child)) return false;
    }
    if (!cursor.TakeColon()) return false;
    if (child == nullptr) {
      if (!cursor.Skip()) return false;
    } else {
      *guess = child;
      guess = &child->next;
      if (!Member(*child)) return false;
    }
    if (cursor.Peek() == '}') return true;
    if (cursor.Peek() != ',') return cursor.Fail("expected ',' or '}' after a member");
    cursor.Next();
  }
}

// The child that the member's name here stands for, null when it is none of ours; moves past it.
bool RecordParser::Impl::FindChild(FieldNode& parent, FieldNode*& child) {
  std::string_view raw;
  if (cursor.Peek() != '"') return cursor.Fail("expected a member's name in double quotes");
  if (!cursor.TakeString(raw)) return false;
  if (cursor.HasEscape(raw) && !Unescaped(raw, raw)) return false;
  child = parent.Find(raw);
  return true;
}

bool RecordParser::Impl::Member(FieldNode& node) {
  if (node.is_path()) {
    // Of equal names the last counts, with all that is in it.
    if (node.record == record) ForgetBelow(node);
    node.record = record;
    if (cursor.Peek() == '{') return InnerObject(node);
  }
  Found* const state = Claim(node, cursor.Peek());
  if (state == nullptr) return cursor.Skip();
  const FieldRule& rule = rules[static_cast<std::size_t>(node.field)];
  return Value(rule, *state, cells[rule.slot]);
}

bool RecordParser::Impl::InnerObject(FieldNode& node) {
  const std::size_t begin = cursor.offset();
  if (!Object(node) || !cursor.CloseInner()) return false;
  if (Found* const state = Claim(node, '{'); state != nullptr) {
    const FieldRule& rule = rules[static_cast<std::size_t>(node.field)];
    if (rule.kind != JsonKind::kObject) state->flaw = Flaw::kKind;
    cells[rule.slot] = Cell::Json(cursor.ValueSince(begin));
  }
  return true;
}

// Starts the state of the field that a value here belongs to. Null: the value is nobody's.
Found* RecordParser::Impl::Claim(const FieldNode& node, char first) {
  if (node.field == FieldNode::kNoField) return nullptr;
  Found& state = found[static_cast<std::size_t>(node.field)];
  const Found::Place place = node.literal ? Found::kLiteral : Found::kNested;
  if (place < state.place) return nullptr;
  state = {place, Flaw::kNone, first};
  return &state;
}

// Reads the value here as the field wants it. False: the record is not JSON. A value that is
// JSON but not the field's is a flaw, which a later member of the same name may mend.
bool RecordParser::Impl::Value(const FieldRule& rule, Found& state, Cell& cell) {
  if (rule.take == Take::kText && state.first == '"') [[likely]]
    return Text(cell);
  if (KindOf(state.first) != rule.kind) {
    state.flaw = state.first == 'n' ? Flaw::kNull : Flaw::kKind;
    return cursor.Skip();
  }
  switch (rule.take) {
    case Take::kNothing:
      return cursor.Skip();
    case Take::kBool: {
      const bool value = state.first == 't';
      cell = Cell::Bool(value);
      return cursor.TakeLiteral(value ? "true" : "false");
    }
    case Take::kNumber:
      return Number(rule, state, cell);
    case Take::kText:
      return Text(cell);
    case Take::kRaw:
      return Raw(cell);
  }
  return false;
}

bool RecordParser::Impl::Text(Cell& cell) {
  std::string_view raw;
  if (!cursor.TakeString(raw)) return false;
  if (cursor.HasEscape(raw) && !Unescaped(raw, raw)) return false;
  cell = Cell::String(raw);
  return true;
}

bool RecordParser::Impl::Number(const FieldRule& rule, Found& state, Cell& cell) {
  const std::size_t offset = cursor.offset();
  const std::string_view text = cursor.TakeScalar();
  Fit fit = Fit::kExact;
  if (rule.physical == PhysicalType::kFloat64) {
    cell = Cell::Float64(0);
    fit = ReadFloat64(text, cell.float64);
  } else if (rule.physical == PhysicalType::kUint64) {
    cell = Cell::Uint64(0);
    fit = ReadUint64(text, cell.uint64);
  } else {
    cell = Cell::Int64(0);
    fit = ReadInt64(text, cell.int64);
  }
  if (fit == Fit::kNotANumber) return cursor.FailAt("malformed number", offset);
  if (fit == Fit::kOutOfRange) state.flaw = Flaw::kRange;
  if (fit == Fit::kFraction && !rule.drop_fraction) state.flaw = Flaw::kFraction;
  if (state.flaw != Flaw::kNone) cell.text = text;  // For the error message.
  return true;
}

bool RecordParser::Impl::Raw(Cell& cell) {
  const std::size_t begin = cursor.offset();
  if (!cursor.Skip()) return false;
  cell = Cell::Json(cursor.ValueSince(begin));
  return true;
}

bool RecordParser::Impl::Unescaped(std::string_view raw, std::string_view& text) {
  const std::size_t offset = cursor.OffsetOf(raw.data());
  char* const begin = unescaped_end;
  char* const end = Unescape(raw, begin);
  if (end == nullptr) return cursor.FailAt("malformed escape in a string", offset);
  text = {begin, static_cast<std::size_t>(end - begin)};
  unescaped_end = end;
  return true;
}

void RecordParser::Impl::ForgetBelow(const FieldNode& node) {
  for (const auto& child : node.children()) {
    if (child->field != FieldNode::kNoField) {
      Found& state = found[static_cast<std::size_t>(child->field)];
      if (state.place == Found::kNested) state = {};
    }
    ForgetBelow(*child);
  }
}

// Gives the fields without a value what stands for one. The first field that has no excuse, or
// null.
const FieldRule* RecordParser::Impl::FillGaps() {
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const Found& state = found[i];
    if (state.place != Found::kNowhere && state.flaw == Flaw::kNone) [[likely]]
      continue;
    const FieldRule& rule = rules[i];
    const bool missing = state.place == Found::kNowhere;
    if (!rule.may_lack || !(missing || state.flaw == Flaw::kNull)) return &rule;
    Cell& cell = cells[rule.slot];
    cell = rule.fallback;
    cell.text = rule.fallback_text;
    if (!rule.has_default) cell.presence = missing ? Presence::kAbsent : Presence::kNull;
  }
  return nullptr;
}

Result<std::span<const Cell>> RecordParser::Impl::Parse(std::string_view text) {
  if (const auto fault = index.Build(text); fault != StructuralIndex::Fault::kNone) {
    if (fault == StructuralIndex::Fault::kNoMemory) {
      return Error{Remedy::kRetry, "memory", fmt::format("no memory for {} bytes", text.size())};
    }
    return ParseError(OffsetOfFault(text, fault), ToText(fault));
  }
  ++record;
  std::fill(found.begin(), found.end(), Found{});
  bool ok = cursor.Start(text, index);
  if (ok && cursor.HasEscapeAhead() && unescaped.size() < text.size()) {
    unescaped.resize(text.size());
  }
  unescaped_end = unescaped.data();
  ok = ok && Object(root);
  if (ok) {
    cursor.Next();
    ok = cursor.AtEnd() || cursor.Fail("something follows the object");
  }
  if (!ok) return ParseError(cursor.fault_offset(), cursor.fault());
  if (const FieldRule* rule = FillGaps(); rule != nullptr) {
    const Found& state = found[static_cast<std::size_t>(rule - rules.data())];
    const bool missing = state.place == Found::kNowhere;
    return SchemaMismatch(*rule, missing ? Flaw::kMissing : state.flaw, state.first,
                          cells[rule->slot].text);
  }
  return std::span<const Cell>(cells.data(), sent);
}

RecordParser::RecordParser(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RecordParser::RecordParser(RecordParser&&) noexcept = default;
RecordParser& RecordParser::operator=(RecordParser&&) noexcept = default;
RecordParser::~RecordParser() = default;

Result<RecordParser> RecordParser::Make(const SourcePlan& plan, RecordParserOptions options) {
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  std::size_t unsent = 0;
  for (const PlannedField& field : plan.fields) (field.sent ? impl->sent : unsent) += 1;
  std::size_t next_sent = 0;
  std::size_t next_unsent = impl->sent;
  for (const PlannedField& field : plan.fields) {
    auto rule = MakeRule(field, field.sent ? next_sent++ : next_unsent++);
    if (!rule.ok())
      return std::move(rule).error().Within(fmt::format("source '{}'", plan.source_id));
    if (!field.metadata && !impl->root.AddField(field.name, static_cast<int>(impl->rules.size()))) {
      return Error{
          Remedy::kStop, "config",
          fmt::format("source '{}': field '{}' is named twice", plan.source_id, field.name)};
    }
    impl->rules.push_back(std::move(rule).value());
  }
  impl->cells.resize(plan.fields.size());
  impl->found.resize(plan.fields.size());
  return RecordParser(std::move(impl));
}

Result<std::span<const Cell>> RecordParser::Parse(std::string_view payload) {
  if (payload.size() > StructuralIndex::kMaxText) {
    return Error{Remedy::kDeadLetter, ToText(DeadLetterReason::kRecordTooLarge),
                 fmt::format("the record has {} bytes, more than {}", payload.size(),
                             StructuralIndex::kMaxText)};
  }
  if (payload.empty()) return ParseError(0, "the record is empty (a tombstone?)");
  if (payload.front() != '\0') return impl_->Parse(payload);
  // No JSON text begins with a zero byte.
  if (!impl_->options.framed) {
    return ParseError(0, "a zero byte: framed for a schema registry? the source names none");
  }
  if (payload.size() <= kFrameBytes)
    return ParseError(0, "a schema registry's frame around nothing");
  return impl_->Parse(payload.substr(kFrameBytes));
}

}  // namespace penstock::json
