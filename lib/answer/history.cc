#include "answer/history.h"

#include <fmt/format.h>

#include "store/history.h"

namespace orctl {
namespace {

std::string number_text(const Value& item, const std::string& field) {
  return fmt::format("{}{}", item.at(field).as_int(), item.at("live").as_bool() ? " (live)" : "");
}

std::string outcome_text(const Value& item, const std::string& field) {
  const std::string& outcome = item.at(field).as_string();
  return outcome.empty() ? "pending" : outcome;
}

}  // namespace

const Noun& history_noun() {
  static const Noun noun{"RevisionList",
                         "revisions",
                         "",
                         {{"REVISION", "revision", number_text},
                          {"WHEN", "time", member_text},
                          {"WHO", "author", member_text},
                          {"OUTCOME", "outcome", outcome_text},
                          {"TOOK", "duration", member_text},
                          {"REASON", "reason", member_text},
                          {"CAUSE", "cause", member_text},
                          {"COMMIT", "commit", short_text, Column::Shown::wide}}};
  return noun;
}

Answer list_revisions(const std::string& name, size_t limit, const World& world) {
  std::optional<Error> end;
  const auto all = can_be_stored(name) ? readable_revisions(world, name, limit, end) : std::vector<Revision>{};
  if (all.empty() && end) throw Error(*end);
  if (all.empty()) throw no_revisions(world, name);
  Answer answer;
  for (const Revision& r : all) answer.each([&] { answer.items.push_back(to_value(r)); });
  if (end) answer.fault(*end);
  return answer;
}

}  // namespace orctl
