#include "sim/table.h"

#include <utility>

namespace penstock::sim {

Table::Answer Table::Ask(Process::Kind kind, std::function<Result<Answer>()> serve) {
  Result<Answer> answer = process_.Call<Answer>(kind, std::move(serve));
  if (answer.ok()) return std::move(answer).value();
  sink::TableTrouble trouble;
  trouble.message = answer.error().detail;
  trouble.answered = false;
  return trouble;
}

std::optional<sink::TableTrouble> Table::Describe(bool refresh, std::stop_token stop) {
  return Ask(Process::Kind::kRead, [&server = server_, refresh, stop]() -> Result<Answer> {
    return server.Describe(refresh, stop);
  });
}

// An insert whose caller is gone may still be under way in the server.
std::optional<sink::TableTrouble> Table::Insert(sink::PreparedBlock& prepared,
                                                std::string_view token, std::stop_token stop) {
  sink::PreparedBlock sent;
  sent.body = prepared.body;
  sent.rows = prepared.rows;
  return Ask(Process::Kind::kWrite,
             [&server = server_, sent, token = std::string(token),
              stop]() mutable -> Result<Answer> { return server.Insert(sent, token, stop); });
}

std::optional<sink::TableTrouble> Table::CountMissing(const sink::Block& block,
                                                      const sink::Piece& piece,
                                                      std::chrono::seconds ago,
                                                      std::size_t& missing, std::stop_token stop) {
  auto unreached = Ask(Process::Kind::kRead, []() -> Result<Answer> { return Answer(); });
  if (unreached) return unreached;
  return server_.CountMissing(block, piece, ago, missing, std::move(stop));
}

std::optional<sink::TableTrouble> Table::HashPartitions(const sink::Block& block,
                                                        std::string_view partition_key,
                                                        std::vector<std::uint64_t>& hashes,
                                                        std::stop_token stop) {
  auto unreached = Ask(Process::Kind::kRead, []() -> Result<Answer> { return Answer(); });
  if (unreached) return unreached;
  return server_.HashPartitions(block, partition_key, hashes, std::move(stop));
}

}  // namespace penstock::sim
