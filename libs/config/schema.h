#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/format.h"
#include "base/text.h"
#include "config/node.h"

/// The idiom of the pipeline's table: a Schema<T> is a list of Field<T>s, and a field is a name, a
/// rule, a default, a sentence for people and the member that it fills. Parsing and the reference
/// page both come from it, so neither can know a field that the other does not.
namespace penstock::config {

struct FieldInfo;

/// What is found while reading; collects instead of stopping.
struct Findings {
  std::vector<Fault> faults;
  std::vector<Fault> notes;
  /// Fields need not be there: the part is switched off (`join.enabled: false`).
  bool lenient = false;

  void AddFault(Mark at, std::string path, std::string message) {
    faults.push_back({std::move(path), at.line, at.column, std::move(message)});
  }
  void AddNote(Mark at, std::string path, std::string message) {
    notes.push_back({std::move(path), at.line, at.column, std::move(message)});
  }
};

/// One value being read: the node, where it is, and the field that it belongs to.
struct Site {
  const Node& node;
  const std::string& path;
  const FieldInfo& field;
  Findings& findings;

  void Fault(std::string message) const {
    findings.AddFault(node.place(), path, std::move(message));
  }
  void Note(std::string message) const { findings.AddNote(node.place(), path, std::move(message)); }
  /// The value for a message: `"text"` or `12`; of a secret only that it is there.
  std::string Shown() const;
  /// Faults that the value is not `wanted` ("a whole number", …).
  void WrongKind(std::string_view wanted) const;
};

/// The members of an object that a field holds, for the reference page. `when` tells several apart
/// ("filter", "dedup", …); else empty.
struct MemberGroup {
  std::string when;
  std::vector<FieldInfo> members;
};

/// The part of a field that does not depend on the struct it fills.
struct FieldInfo {
  std::string name;
  std::string alias;         ///< A second spelling; empty: none.
  std::string type;          ///< For people: "text", "duration", "one of …".
  std::string default_text;  ///< For people; empty: nothing.
  std::string doc;           ///< One sentence or two.
  bool required = false;     ///< Must be there, and a text must not be empty.
  bool not_empty = false;    ///< May be left out, but not be an empty text.
  bool extension = false;    ///< Not in the reference system's format.
  bool secret = false;
  bool is_list = false;
  std::vector<MemberGroup> groups;
};

// What each kind of value looks like in the document. They fault and leave `out` alone when the
// node is something else.
bool ReadText(const Site& site, std::string& out);
bool ReadBool(const Site& site, bool& out);
bool ReadInteger(const Site& site, std::int64_t min, std::int64_t max, std::int64_t& out);
bool ReadDuration(const Site& site, std::chrono::nanoseconds& out);
bool ReadSize(const Site& site, std::uint64_t& out);
bool ReadTexts(const Site& site, std::vector<std::string>& out);
/// A map of any keys to texts, numbers and bools, as texts.
bool ReadTextMap(const Site& site, std::map<std::string, std::string>& out);
/// PEM text, or base64 of it; PEM comes out.
bool ReadPem(const Site& site, std::string& out);
bool ReadChoice(const Site& site, const std::vector<std::string_view>& choices, std::string& out);

/// The non-template part of Schema::Read: faults for keys that no field has, and for missing ones.
/// Calls `read` for each field that has a value.
void ReadFields(const Node& node, const std::string& path, const std::vector<FieldInfo>& fields,
                Findings& findings, const std::function<void(std::size_t, const Site&)>& read);

/// Reads each item of a list with `read`.
void ReadItems(const Site& site, const std::function<void(const Node&, const std::string&)>& read);

template <typename T>
struct Field {
  FieldInfo info;
  std::function<void(const Site&, T&)> read;

  Field Required() && { return info.required = true, std::move(*this); }
  Field NotEmpty() && { return info.not_empty = true, std::move(*this); }
  Field Extension() && { return info.extension = true, std::move(*this); }
  Field Secret() && { return info.secret = true, std::move(*this); }
  Field Alias(std::string alias) && { return info.alias = std::move(alias), std::move(*this); }
  Field Default(std::string text) && {
    return info.default_text = std::move(text), std::move(*this);
  }
  Field Doc(std::string doc) && { return info.doc = std::move(doc), std::move(*this); }
  /// One more rule: what is wrong with the value, or nothing. Not asked when it could not be read.
  template <typename Rule>
  Field Check(Rule rule) && {
    read = [inner = std::move(read), rule = std::move(rule)](const Site& site, T& out) {
      const std::size_t before = site.findings.faults.size();
      inner(site, out);
      if (site.findings.faults.size() != before) return;
      if (std::string wrong = rule(out); !wrong.empty()) site.Fault(std::move(wrong));
    };
    return std::move(*this);
  }
};

/// The fields of one object of the document, which fill a T.
template <typename T>
class Schema {
 public:
  Schema(std::initializer_list<Field<T>> fields) : fields_(fields) {
    for (const Field<T>& field : fields_) infos_.push_back(field.info);
  }

  void Read(const Node& node, const std::string& path, Findings& findings, T& out) const {
    ReadFields(node, path, infos_, findings,
               [&](std::size_t field, const Site& site) { fields_[field].read(site, out); });
  }
  const std::vector<FieldInfo>& infos() const { return infos_; }

 private:
  std::vector<Field<T>> fields_;
  std::vector<FieldInfo> infos_;
};

// How to make a field: its name, the member that it fills, and what it looks like.

/// A field with a rule of its own.
template <typename T>
Field<T> Custom(std::string name, std::string type, std::function<void(const Site&, T&)> read) {
  Field<T> field;
  field.info.name = std::move(name);
  field.info.type = std::move(type);
  field.read = std::move(read);
  return field;
}

template <typename T>
Field<T> Text(std::string name, std::string T::*member) {
  return Custom<T>(std::move(name), "text",
                   [member](const Site& site, T& out) { ReadText(site, out.*member); })
      .Default(T{}.*member);
}

template <typename T>
Field<T> Choice(std::string name, std::string T::*member, std::vector<std::string_view> choices) {
  return Custom<T>(std::move(name), fmt::format("`{}`", fmt::join(choices, "`, `")),
                   [member, choices](const Site& site, T& out) {
                     ReadChoice(site, choices, out.*member);
                   })
      .Default(T{}.*member);
}

template <typename T>
Field<T> Bool(std::string name, bool T::*member) {
  return Custom<T>(std::move(name), "true or false",
                   [member](const Site& site, T& out) { ReadBool(site, out.*member); })
      .Default(T{}.*member ? "true" : "false");
}

template <typename T, std::integral I>
Field<T> Integer(std::string name, I T::*member, std::int64_t min, std::int64_t max) {
  return Custom<T>(std::move(name),
                   max == std::numeric_limits<std::int64_t>::max()
                       ? fmt::format("whole number, {} or more", min)
                       : fmt::format("whole number, {} to {}", min, max),
                   [=](const Site& site, T& out) {
                     std::int64_t value = 0;
                     if (ReadInteger(site, min, max, value)) out.*member = static_cast<I>(value);
                   })
      .Default(fmt::format("{}", T{}.*member));
}

template <typename T>
Field<T> Duration(std::string name, std::chrono::nanoseconds T::*member) {
  return Custom<T>(std::move(name), "duration",
                   [member](const Site& site, T& out) { ReadDuration(site, out.*member); })
      .Default(T{}.*member == std::chrono::nanoseconds(0) ? "" : FormatDuration(T{}.*member));
}

/// One that may be left out; longer than 0s.
template <typename T>
Field<T> OptionalDuration(std::string name, std::optional<std::chrono::nanoseconds> T::*member) {
  return Custom<T>(std::move(name), "duration", [member](const Site& site, T& out) {
    std::chrono::nanoseconds duration{};
    if (!ReadDuration(site, duration)) return;
    if (duration <= std::chrono::nanoseconds(0)) return site.Fault("must be longer than 0s");
    out.*member = duration;
  });
}

template <typename T>
Field<T> Size(std::string name, std::uint64_t T::*member) {
  return Custom<T>(std::move(name), "size",
                   [member](const Site& site, T& out) { ReadSize(site, out.*member); })
      .Default(FormatSize(T{}.*member));
}

template <typename T>
Field<T> Texts(std::string name, std::vector<std::string> T::*member) {
  return Custom<T>(std::move(name), "list of texts",
                   [member](const Site& site, T& out) { ReadTexts(site, out.*member); });
}

template <typename T>
Field<T> TextMap(std::string name, std::map<std::string, std::string> T::*member) {
  return Custom<T>(std::move(name), "map of texts",
                   [member](const Site& site, T& out) { ReadTextMap(site, out.*member); });
}

template <typename T>
Field<T> Pem(std::string name, std::string T::*member) {
  return Custom<T>(std::move(name), "PEM text, or base64 of it",
                   [member](const Site& site, T& out) { ReadPem(site, out.*member); });
}

/// An object that fills the same struct as the one around it.
template <typename T>
Field<T> Group(std::string name, const Schema<T>& schema) {
  Field<T> field = Custom<T>(std::move(name), "map", [&schema](const Site& site, T& out) {
    schema.Read(site.node, site.path, site.findings, out);
  });
  field.info.groups = {{"", schema.infos()}};
  return field;
}

template <typename T, typename M>
Field<T> Object(std::string name, M T::*member, const Schema<M>& schema) {
  Field<T> field = Custom<T>(std::move(name), "map", [member, &schema](const Site& site, T& out) {
    schema.Read(site.node, site.path, site.findings, out.*member);
  });
  field.info.groups = {{"", schema.infos()}};
  return field;
}

template <typename T, typename M>
Field<T> OptionalObject(std::string name, std::optional<M> T::*member, const Schema<M>& schema) {
  Field<T> field = Custom<T>(std::move(name), "map", [member, &schema](const Site& site, T& out) {
    schema.Read(site.node, site.path, site.findings, (out.*member).emplace());
  });
  field.info.groups = {{"", schema.infos()}};
  return field;
}

template <typename T, typename M>
Field<T> List(std::string name, std::vector<M> T::*member, const Schema<M>& schema) {
  Field<T> field = Custom<T>(std::move(name), "list", [member, &schema](const Site& site, T& out) {
    ReadItems(site, [&](const Node& item, const std::string& path) {
      schema.Read(item, path, site.findings, (out.*member).emplace_back());
    });
  });
  field.info.is_list = true;
  field.info.groups = {{"", schema.infos()}};
  return field;
}

}  // namespace penstock::config
