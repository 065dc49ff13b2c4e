#include "process/commands.h"

#include <cstdio>

#include "base/format.h"
#include "config/nearest.h"
#include "process/exit_codes.h"
#include "telemetry/metrics.h"

namespace penstock::process {

namespace {

// How many of `args` make up `name`; 0: they do not begin with it.
std::size_t WordsOf(std::string_view name, std::span<const std::string_view> args) {
  std::size_t words = 0;
  while (true) {
    const auto blank = name.find(' ');
    if (words == args.size() || args[words] != name.substr(0, blank)) return 0;
    ++words;
    if (blank == name.npos) return words;
    name.remove_prefix(blank + 1);
  }
}

const Command* Find(const std::vector<Command>& commands, std::span<const std::string_view> args,
                    std::size_t& words) {
  const Command* best = nullptr;
  words = 0;
  for (const Command& command : commands) {
    const std::size_t matched = WordsOf(command.name, args);
    if (matched > words) {
      best = &command;
      words = matched;
    }
  }
  return best;
}

}  // namespace

std::string Commands::Unknown(std::span<const std::string_view> args) const {
  std::vector<std::string_view> names;
  std::string group;
  for (const Command& command : commands_) {
    names.push_back(command.name);
    const std::string_view name = command.name;
    const auto blank = name.find(' ');
    // "dlq" alone: the words that can follow.
    if (blank != name.npos && name.substr(0, blank) == args[0]) {
      group += fmt::format("{}{}", group.empty() ? "" : ", ", name);
    }
  }
  if (!group.empty()) return fmt::format("\"{}\" needs another word: {}", args[0], group);
  return fmt::format("no such command \"{}\"{}", args[0], config::Hint(args[0], names));
}

int Commands::Run(std::span<const std::string_view> args) const {
  if (args.empty() || args[0] == "--help" || args[0] == "-h" ||
      (args[0] == "help" && args.size() == 1)) {
    fmt::print(args.empty() ? stderr : stdout, "{}", Help());
    return args.empty() ? kExitUsage : kExitOk;
  }
  if (args[0] == "--version" || args[0] == "version") {
    fmt::print("{} {}\n", program_, Version());
    return kExitOk;
  }
  const bool help = args[0] == "help";
  if (help) args = args.subspan(1);
  std::size_t words = 0;
  if (const Command* const command = Find(commands_, args, words)) {
    static constexpr std::string_view kHelp[] = {"--help"};
    return command->run(help ? std::span<const std::string_view>(kHelp) : args.subspan(words));
  }
  fmt::print(stderr, "{}: {}; {} --help lists all\n", program_, Unknown(args), program_);
  return kExitUsage;
}

std::string Commands::Help() const {
  std::string out =
      fmt::format("{}\n\nUsage: {} COMMAND [flags] [arguments]\n\nCommands:\n", summary_, program_);
  for (const Command& command : commands_) {
    out += fmt::format("  {:<14}  {}\n", command.name, command.summary);
  }
  out += fmt::format("\n{} COMMAND --help explains a command, with examples.\n", program_);
  return out;
}

}  // namespace penstock::process
