#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::process {

/// One subcommand; its name may have several words: "dlq list".
struct Command {
  std::string name;
  std::string summary;  ///< One line, for the list of commands.
  /// `args` are those behind the name; the result is the exit code.
  std::function<int(std::span<const std::string_view> args)> run;
};

/// A program of subcommands: finds the one that is meant, answers --help, help and --version
/// itself, and meets an unknown one with the nearest known.
class Commands {
 public:
  Commands(std::string program, std::string summary)
      : program_(std::move(program)), summary_(std::move(summary)) {}

  void Add(Command command) { commands_.push_back(std::move(command)); }
  /// The exit code; output goes to stdout, errors to stderr.
  int Run(std::span<const std::string_view> args) const;
  std::string Help() const;

 private:
  // One sentence about words that name no command.
  std::string Unknown(std::span<const std::string_view> args) const;

  std::string program_;
  std::string summary_;
  std::vector<Command> commands_;
};

}  // namespace penstock::process
