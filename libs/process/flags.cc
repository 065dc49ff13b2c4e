#include "process/flags.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "base/text.h"
#include "config/nearest.h"

namespace penstock::process {

namespace {

Error Usage(std::string detail) {
  return Error{Remedy::kStop, "usage", std::move(detail)};
}

std::string VariableOf(std::string_view flag) {
  std::string name = "PENSTOCK_";
  for (const char c : flag) {
    name.push_back(c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  }
  return name;
}

Result<bool> ParseSwitch(std::string_view text) {
  if (text == "true" || text == "1" || text == "yes") return true;
  if (text == "false" || text == "0" || text == "no") return false;
  return Usage(fmt::format("\"{}\" is neither true nor false", text));
}

// The two columns of a list in --help; a long left one gets a line of its own.
void AppendRow(std::string& out, std::string_view left, std::string_view right) {
  constexpr std::size_t kLeftWidth = 26;
  if (left.size() <= kLeftWidth) {
    out += fmt::format("  {:<{}}  {}\n", left, kLeftWidth, right);
  } else {
    out += fmt::format("  {}\n  {:<{}}  {}\n", left, "", kLeftWidth, right);
  }
}

}  // namespace

std::optional<std::string> ProcessEnvironment(const std::string& name) {
  const char* const value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe)
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::vector<std::string_view> Arguments(int argc, char** argv) {
  return {argv + std::min(argc, 1), argv + argc};
}

Flags::Flags(std::string program, std::string summary)
    : program_(std::move(program)), summary_(std::move(summary)) {}

Flags::Flag& Flags::Custom(std::string name, std::string placeholder, std::string help,
                           std::string default_text, std::function<Status(std::string_view)> set) {
  PENSTOCK_CHECK(Find(name) == nullptr, "a flag is declared once");
  Flag& flag = flags_.emplace_back();
  flag.name_ = std::move(name);
  flag.placeholder_ = std::move(placeholder);
  flag.help_ = std::move(help);
  flag.default_ = std::move(default_text);
  flag.set_ = std::move(set);
  return flag;
}

Flags::Flag& Flags::Switch(std::string name, std::string help, bool* out) {
  return Custom(std::move(name), "", std::move(help), *out ? "true" : "",
                [out](std::string_view text) -> Status {
                  PENSTOCK_ASSIGN_OR_RETURN(*out, ParseSwitch(text));
                  return Done{};
                });
}

Flags::Flag& Flags::Text(std::string name, std::string placeholder, std::string help,
                         std::string* out) {
  return Custom(std::move(name), std::move(placeholder), std::move(help), *out,
                [out](std::string_view text) -> Status {
                  *out = text;
                  return Done{};
                });
}

Flags::Flag& Flags::AddNumber(std::string name, std::string placeholder, std::string help,
                              std::int64_t least, std::int64_t most, std::string default_text,
                              std::function<void(std::int64_t)> set) {
  return Custom(std::move(name), std::move(placeholder), std::move(help), std::move(default_text),
                [least, most, set = std::move(set)](std::string_view text) -> Status {
                  std::int64_t value = 0;
                  const auto [end, error] =
                      std::from_chars(text.data(), text.data() + text.size(), value);
                  if (error != std::errc() || end != text.data() + text.size() || value < least ||
                      value > most) {
                    return Usage(fmt::format("must be a whole number from {} to {}, is \"{}\"",
                                             least, most, text));
                  }
                  set(value);
                  return Done{};
                });
}

Flags::Flag& Flags::Duration(std::string name, std::string placeholder, std::string help,
                             std::chrono::nanoseconds* out) {
  return Custom(std::move(name), std::move(placeholder), std::move(help), FormatDuration(*out),
                [out](std::string_view text) -> Status {
                  PENSTOCK_ASSIGN_OR_RETURN(const auto value, ParseDuration(text));
                  if (value.count() < 0) return Usage("must not be negative");
                  *out = value;
                  return Done{};
                });
}

Flags::Flag& Flags::Choice(std::string name, std::vector<std::string> choices, std::string help,
                           std::string* out) {
  std::string placeholder = fmt::format("{}", fmt::join(choices, "|"));
  return Custom(std::move(name), placeholder, std::move(help), *out,
                [out, placeholder, choices = std::move(choices)](std::string_view text) -> Status {
                  if (std::ranges::find(choices, text) == choices.end()) {
                    return Usage(fmt::format("must be {}, is \"{}\"", placeholder, text));
                  }
                  *out = text;
                  return Done{};
                });
}

Flags::Flag& Flags::Many(std::string name, std::string placeholder, std::string help,
                         std::vector<std::string>* out) {
  return Custom(std::move(name), std::move(placeholder), std::move(help) + " (repeatable)",
                fmt::format("{}", fmt::join(*out, ",")), [out](std::string_view text) -> Status {
                  out->emplace_back(text);
                  return Done{};
                });
}

void Flags::Arguments(std::string placeholder, std::size_t least, std::size_t most,
                      std::vector<std::string>* out) {
  arguments_ = {std::move(placeholder), least, most, out};
}

void Flags::Example(std::string command, std::string explanation) {
  examples_.push_back({std::move(command), std::move(explanation)});
}

Flags::Flag* Flags::Find(std::string_view name) {
  const auto found = std::ranges::find(flags_, name, &Flag::name_);
  return found == flags_.end() ? nullptr : &*found;
}

Status Flags::ParseFlag(std::span<const std::string_view>& args) {
  const std::string_view whole = args.front();
  args = args.subspan(1);
  const auto equals = whole.find('=');
  const std::string_view name = whole.substr(2, equals == whole.npos ? equals : equals - 2);
  Flag* const flag = Find(name);
  if (flag == nullptr) {
    const std::vector<std::string> known = Names();
    const std::vector<std::string_view> candidates(known.begin(), known.end());
    return Usage(fmt::format("no such flag --{}{}; {} --help lists all", name,
                             config::Hint(fmt::format("--{}", name), candidates), program_));
  }
  std::string_view value = "true";
  if (equals != whole.npos) {
    value = whole.substr(equals + 1);
  } else if (!flag->placeholder_.empty()) {
    if (args.empty()) {
      return Usage(fmt::format("--{} needs a value: --{} {}", name, name, flag->placeholder_));
    }
    value = args.front();
    args = args.subspan(1);
  }
  flag->given_ = true;
  if (Status set = flag->set_(value); !set.ok()) {
    return Usage(fmt::format("--{}: {}", name, set.error().detail));
  }
  return Done{};
}

Status Flags::ParseEnvironment(const Environment& environment) {
  for (Flag& flag : flags_) {
    if (!flag.from_environment_ || flag.given_) continue;
    const std::string variable = VariableOf(flag.name_);
    const auto value = environment(variable);
    if (!value) continue;
    flag.given_ = true;
    if (Status set = flag.set_(*value); !set.ok()) {
      return Usage(fmt::format("environment variable {}: {}", variable, set.error().detail));
    }
  }
  return Done{};
}

Status Flags::CheckComplete() const {
  for (const Flag& flag : flags_) {
    if (!flag.required_ || flag.given_) continue;
    const std::string variable =
        flag.from_environment_ ? fmt::format(" (or {}=…)", VariableOf(flag.name_)) : "";
    return Usage(fmt::format("--{} {} is missing{}: {}", flag.name_, flag.placeholder_, variable,
                             flag.help_));
  }
  if (words_.size() > arguments_.most) {
    return Usage(fmt::format("\"{}\" is one word too many; {} --help explains",
                             words_[arguments_.most], program_));
  }
  if (words_.size() < arguments_.least) {
    return Usage(
        fmt::format("{} is missing; {} --help explains", arguments_.placeholder, program_));
  }
  return Done{};
}

Status Flags::Parse(std::span<const std::string_view> args, const Environment& environment) {
  for (const std::string_view arg : args) {
    if (arg == "--") break;
    if (arg == "--help" || arg == "-h") help_wanted_ = true;
    if (arg == "--version") version_wanted_ = true;
  }
  if (help_wanted_ || version_wanted_) return Done{};
  bool flags_ended = false;
  while (!args.empty()) {
    const std::string_view arg = args.front();
    if (!flags_ended && arg == "--") {
      flags_ended = true;
      args = args.subspan(1);
    } else if (!flags_ended && arg.starts_with("--")) {
      PENSTOCK_RETURN_IF_ERROR(ParseFlag(args));
    } else if (!flags_ended && arg.size() > 1 && arg.front() == '-') {
      return Usage(fmt::format("no such flag {}; flags are written --name", arg));
    } else {
      words_.emplace_back(arg);
      args = args.subspan(1);
    }
  }
  PENSTOCK_RETURN_IF_ERROR(ParseEnvironment(environment));
  PENSTOCK_RETURN_IF_ERROR(CheckComplete());
  if (arguments_.out != nullptr) *arguments_.out = words_;
  return Done{};
}

std::string Flags::Help() const {
  std::string out = fmt::format("{}\n\nUsage: {} [flags]{}{}\n", summary_, program_,
                                arguments_.placeholder.empty() ? "" : " ", arguments_.placeholder);
  if (!examples_.empty()) out += "\nExamples:\n";
  for (const ExampleLine& example : examples_) {
    out += fmt::format("  # {}\n  {}\n", example.explanation, example.command);
  }
  out += "\nFlags:\n";
  for (const Flag& flag : flags_) {
    if (flag.hidden_) continue;
    std::string right = flag.help_;
    if (!flag.default_.empty()) right += fmt::format(" [{}]", flag.default_);
    if (flag.required_) right += " (required)";
    if (flag.from_environment_) right += fmt::format(" (also {})", VariableOf(flag.name_));
    AppendRow(out, fmt::format("--{} {}", flag.name_, flag.placeholder_), right);
  }
  AppendRow(out, "--help", "this text");
  AppendRow(out, "--version", "the version");
  return out;
}

std::vector<std::string> Flags::Names() const {
  std::vector<std::string> names;
  for (const Flag& flag : flags_) {
    if (!flag.hidden_) names.push_back("--" + flag.name_);
  }
  names.insert(names.end(), {"--help", "--version"});
  return names;
}

}  // namespace penstock::process
