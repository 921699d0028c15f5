#include "answer/drift.h"

#include <fmt/format.h>

#include <map>

#include "answer/looked.h"
#include "base/whose.h"
#include "live/drift.h"
#include "model/masked.h"
#include "store/select.h"

namespace orctl {
namespace {

Value drift_item(const std::string& name, const Drift& one) {
  Value item = Value::object();
  item.set("name", name);
  item.set("state", to_string(one.state));
  item.set("ahead", to_string(one.ahead));
  item.set("what", one.subject);
  item.set("detail", one.text);
  item.set("mend", one.mend);
  return item;
}

/// What is chosen, by kind: names of other kinds are written "word/name".
std::map<const Kind*, Choice> by_kind(const Choice& choice) {
  std::map<const Kind*, Choice> out;
  const auto add = [&](const Kind& kind) -> Choice& {
    Choice& one = out[&kind];
    one.labels = choice.labels;
    return one;
  };
  if (choice.names.empty())
    for (const Kind& kind : kinds())
      if (kind.lives != Kind::Lives::nowhere) add(kind);
  for (const std::string& name : choice.names) {
    const size_t slash = name.find('/');
    const Kind* kind = slash == std::string::npos ? nullptr : find_kind_by_word(name.substr(0, slash));
    add(kind != nullptr && kind->lives == Kind::Lives::in_files ? *kind : *find_kind("Instance")).names.push_back(name);
  }
  return out;
}

std::vector<Observed> look_at_all(const Choice& choice, const World& world, Answer& answer) {
  std::vector<Observed> all;
  for (const auto& [kind, chosen] : by_kind(choice)) {
    if (kind->lives == Kind::Lives::in_process) {
      for (Observed& one : look_at(chosen, Counts::no, world, answer)) all.push_back(std::move(one));
      continue;
    }
    for (const std::string& id : select_objects(*kind, chosen.names, chosen.labels, world, answer.faults())) {
      all.push_back(observe_among(id, world));
      if (all.back().broken) answer.fault(named(*all.back().broken, id));
    }
  }
  return all;
}

Version version_of(const Observed& now, Tree tree, std::string unit) {
  Version out;
  out.spec = now.version->spec;
  out.tree = std::move(tree);
  out.unit = std::move(unit);
  return out;
}

/// The document that the workers serve, as it may be shown, written as the one on disk is.
std::string shown_document(const World& world, const std::string& name) {
  return masked_document(to_json(gateway_get(world, world.layout.admin_socket(name), "/v1/config"), 1) + "\n");
}

void add_files(const Observed& now, const std::vector<Drift>& found, const World& world, DriftAnswer& out) {
  KeptFiles kept = kept_files(world, now.applied->commit);
  out.files.push_back({now.name,
                       now.applied->commit,
                       version_of(now, std::move(kept.tree), std::move(kept.unit)),
                       version_of(now, now.version->tree, now.version->unit),
                       {},
                       {}});
  for (const Drift& one : found) {
    if (one.state != Drift::State::hot_change || one.subject != "document") continue;
    const std::string path = std::string("served ") + tree_path::document;
    out.files.push_back({now.name,
                         "",
                         version_of(now, {{path, {masked_document(now.version->document())}}}, ""),
                         version_of(now, {{path, {shown_document(world, now.name)}}}, ""),
                         {},
                         {}});
  }
}

}  // namespace

const Noun& drift_noun() {
  static const Noun noun{"DriftList",
                         "differences",
                         "",
                         {{"NAME", "name", member_text},
                          {"STATE", "state", member_text},
                          {"AHEAD", "ahead", member_text},
                          {"WHAT", "what", member_text},
                          {"DETAIL", "detail", member_text},
                          {"MEND", "mend", member_text}}};
  return noun;
}

DriftAnswer list_drift(const Choice& choice, WithFiles files, const World& world) {
  DriftAnswer out;
  for (const Observed& now : look_at_all(choice, world, out.answer)) {
    if (now.broken) continue;
    out.answer.each([&] {
      const std::vector<Drift> found = find_drift(now, world);
      const Drift* unknown = nullptr;
      for (const Drift& one : found) {
        out.answer.items.push_back(drift_item(now.name, one));
        if (one.state == Drift::State::unknown)
          unknown = &one;
        else
          out.differs = true;
      }
      if (files == WithFiles::yes && !found.empty()) add_files(now, found, world, out);
      if (unknown != nullptr)
        throw Error(Exit::unreachable, fmt::format("{}: {}", now.name, unknown->text), unknown->mend);
    });
  }
  return out;
}

}  // namespace orctl
