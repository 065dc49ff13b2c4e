#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace penstock::json {

/// Where the tokens of a JSON text begin: each of `{ } [ ] : ,` and the first byte of each
/// string, number and literal. This is simdjson's first stage, run with the widest vector
/// instructions that the processor has; it also proves that the text is UTF-8, that every string
/// is closed and that none holds a bare control character. It proves no grammar: TokenCursor does.
///
/// The text needs no padding. Positions stay valid until the next Build. One thread at a time.
class StructuralIndex {
 public:
  enum class Fault : std::uint8_t {
    kNone,
    kEmpty,  ///< Nothing but white space.
    kNotUtf8,
    kUnclosedString,
    kControlCharacter,
    kNoMemory,
  };

  /// A larger text takes four times its size in memory for as long as it is worked on.
  static constexpr std::size_t kMaxText = std::size_t{64} << 20;

  StructuralIndex();
  StructuralIndex(const StructuralIndex&) = delete;
  StructuralIndex& operator=(const StructuralIndex&) = delete;
  ~StructuralIndex();

  /// `text` has at most kMaxText bytes.
  Fault Build(std::string_view text);

  const std::uint32_t* begin() const { return begin_; }
  /// Dereferencing it is allowed and gives the size of the text.
  const std::uint32_t* end() const { return end_; }

 private:
  bool Reserve(std::size_t size);

  struct Impl;
  std::unique_ptr<Impl> impl_;
  const std::uint32_t* begin_ = nullptr;
  const std::uint32_t* end_ = nullptr;
};

/// For error messages: a fault's sentence, and the offset in `text` of the byte that explains it.
std::string_view ToText(StructuralIndex::Fault fault);
std::size_t OffsetOfFault(std::string_view text, StructuralIndex::Fault fault);

}  // namespace penstock::json
