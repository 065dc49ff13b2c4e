#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace penstock::process {

/// The value of an environment variable; nullopt: not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
/// The process's own environment.
std::optional<std::string> ProcessEnvironment(const std::string& name);

/// The flags and arguments of one command: declared once, from which parsing, errors and `--help`
/// all come. `--name value`, `--name=value`, `--switch`, `--switch=false`; `--` ends the flags; a
/// flag given twice keeps the last value. Targets hold the defaults before Parse and must outlive
/// it. One owner thread.
class Flags {
 public:
  class Flag {
   public:
    /// Also read from PENSTOCK_<NAME>; the command line wins.
    Flag& FromEnvironment() { return from_environment_ = true, *this; }
    /// Parse fails without it.
    Flag& Required() { return required_ = true, *this; }
    /// Neither help nor completion shows it: for tests of the whole process.
    Flag& Hidden() { return hidden_ = true, *this; }

   private:
    friend class Flags;
    std::string name_;
    std::string placeholder_;  // Empty: a switch.
    std::string help_;
    std::string default_;
    std::function<Status(std::string_view)> set_;  // The detail says what would be right.
    bool from_environment_ = false;
    bool required_ = false;
    bool hidden_ = false;
    bool given_ = false;
  };

  /// `program` as typed ("penstock dlq list"), `summary` one sentence.
  Flags(std::string program, std::string summary);

  Flag& Switch(std::string name, std::string help, bool* out);
  Flag& Text(std::string name, std::string placeholder, std::string help, std::string* out);
  template <std::integral T>
  Flag& Number(std::string name, std::string placeholder, std::string help, T least, T most,
               T* out) {
    return AddNumber(std::move(name), std::move(placeholder), std::move(help),
                     static_cast<std::int64_t>(least), static_cast<std::int64_t>(most),
                     std::to_string(*out),
                     [out](std::int64_t value) { *out = static_cast<T>(value); });
  }
  /// "30s", "1h30m", …; see ParseDuration.
  Flag& Duration(std::string name, std::string placeholder, std::string help,
                 std::chrono::nanoseconds* out);
  Flag& Choice(std::string name, std::vector<std::string> choices, std::string help,
               std::string* out);
  /// Each time it is given adds a value.
  Flag& Many(std::string name, std::string placeholder, std::string help,
             std::vector<std::string>* out);
  /// `set` judges the value; its error's detail becomes "--name: <detail>".
  Flag& Custom(std::string name, std::string placeholder, std::string help,
               std::string default_text, std::function<Status(std::string_view)> set);

  /// Words without dashes, `least` to `most` of them. Without this call there may be none.
  void Arguments(std::string placeholder, std::size_t least, std::size_t most,
                 std::vector<std::string>* out);
  void Example(std::string command, std::string explanation);

  /// `args` without the program's name. Error code "usage": one sentence that names the flag, what
  /// is wrong and what would be right.
  Status Parse(std::span<const std::string_view> args,
               const Environment& environment = ProcessEnvironment);

  /// After Parse: somebody asked for --help or -h, --version; the rest was not looked at.
  bool help_wanted() const { return help_wanted_; }
  bool version_wanted() const { return version_wanted_; }

  std::string Help() const;
  /// --names of all flags, for completion.
  std::vector<std::string> Names() const;

 private:
  struct ArgumentsSpec {
    std::string placeholder;
    std::size_t least = 0;
    std::size_t most = 0;
    std::vector<std::string>* out = nullptr;
  };
  struct ExampleLine {
    std::string command;
    std::string explanation;
  };

  Flag& AddNumber(std::string name, std::string placeholder, std::string help, std::int64_t least,
                  std::int64_t most, std::string default_text,
                  std::function<void(std::int64_t)> set);
  Flag* Find(std::string_view name);
  Status ParseFlag(std::span<const std::string_view>& args);
  Status ParseEnvironment(const Environment& environment);
  Status CheckComplete() const;

  std::string program_;
  std::string summary_;
  std::deque<Flag> flags_;  // A deque: references to its elements are handed out.
  ArgumentsSpec arguments_;
  std::vector<ExampleLine> examples_;
  std::vector<std::string> words_;
  bool help_wanted_ = false;
  bool version_wanted_ = false;
};

/// argv without the program's name.
std::vector<std::string_view> Arguments(int argc, char** argv);

}  // namespace penstock::process
