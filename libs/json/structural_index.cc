#include "json/structural_index.h"

#include <algorithm>

#include <simdjson.h>

#include "base/check.h"
#include "base/text.h"

namespace penstock::json {

namespace {

constexpr std::size_t kSmallText = 64 << 10;
// A buffer above this is given back after the record that needed it.
constexpr std::size_t kKeptText = 1 << 20;

std::size_t OffsetOfBadUtf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (!IsUtf8(text.substr(i, length))) return i;
    i += length;
  }
  return 0;
}

// The first control character inside a string, else the last opening quote.
std::size_t OffsetInStrings(std::string_view text, bool control) {
  bool inside = false;
  std::size_t opened = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (inside && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      inside = !inside;
      opened = i;
    } else if (control && inside && static_cast<unsigned char>(text[i]) < 0x20) {
      return i;
    }
  }
  return opened;
}

}  // namespace

struct StructuralIndex::Impl {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> stage;
};

StructuralIndex::StructuralIndex() : impl_(std::make_unique<Impl>()) {}
StructuralIndex::~StructuralIndex() = default;

bool StructuralIndex::Reserve(std::size_t size) {
  if (impl_->stage == nullptr) {
    // Depth is TokenCursor's business; simdjson only needs a valid number.
    return simdjson::get_active_implementation()->create_dom_parser_implementation(
               std::max(size, kSmallText), 1, impl_->stage) == simdjson::SUCCESS;
  }
  const std::size_t capacity = impl_->stage->capacity();
  if (size > capacity) {
    return impl_->stage->set_capacity(std::max(size, 2 * capacity)) == simdjson::SUCCESS;
  }
  if (capacity > kKeptText && size <= kKeptText) {
    return impl_->stage->set_capacity(kKeptText) == simdjson::SUCCESS;
  }
  return true;
}

StructuralIndex::Fault StructuralIndex::Build(std::string_view text) {
  PENSTOCK_CHECK(text.size() <= kMaxText, "the caller has looked at the size");
  begin_ = end_ = nullptr;
  if (text.empty()) return Fault::kEmpty;
  if (!Reserve(text.size())) {
    impl_->stage.reset();
    return Fault::kNoMemory;
  }
  const auto code = impl_->stage->stage1(reinterpret_cast<const std::uint8_t*>(text.data()),
                                         text.size(), simdjson::stage1_mode::regular);
  switch (code) {
    case simdjson::SUCCESS:
      break;
    case simdjson::EMPTY:
      return Fault::kEmpty;
    case simdjson::UTF8_ERROR:
      return Fault::kNotUtf8;
    case simdjson::UNCLOSED_STRING:
      return Fault::kUnclosedString;
    case simdjson::UNESCAPED_CHARS:
      return Fault::kControlCharacter;
    default:
      return Fault::kNoMemory;
  }
  begin_ = impl_->stage->structural_indexes.get();
  end_ = begin_ + impl_->stage->n_structural_indexes;
  PENSTOCK_CHECK(*end_ == text.size(), "simdjson ends its positions with the size of the text");
  return Fault::kNone;
}

std::string_view ToText(StructuralIndex::Fault fault) {
  switch (fault) {
    case StructuralIndex::Fault::kNone:
      return "no fault";
    case StructuralIndex::Fault::kEmpty:
      return "there is nothing but white space";
    case StructuralIndex::Fault::kNotUtf8:
      return "the text is not UTF-8";
    case StructuralIndex::Fault::kUnclosedString:
      return "a string is not closed";
    case StructuralIndex::Fault::kControlCharacter:
      return "a control character in a string must be written as an escape";
    case StructuralIndex::Fault::kNoMemory:
      break;
  }
  return "out of memory";
}

std::size_t OffsetOfFault(std::string_view text, StructuralIndex::Fault fault) {
  switch (fault) {
    case StructuralIndex::Fault::kNotUtf8:
      return OffsetOfBadUtf8(text);
    case StructuralIndex::Fault::kControlCharacter:
      return OffsetInStrings(text, true);
    case StructuralIndex::Fault::kUnclosedString:
      return OffsetInStrings(text, false);
    default:
      return 0;
  }
}

}  // namespace penstock::json
