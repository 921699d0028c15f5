#include <algorithm>

#include "answer/certificates.h"
#include "answer/health.h"
#include "answer/instances.h"
#include "answer/overrides.h"
#include "answer/upstreams.h"
#include "answer/versions.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/show_answer.h"

namespace orctl {
namespace {

struct Options {
  std::string what;
  Choice choice;
};

/// What can be listed besides the kinds that live on a host: its word on the command line, its table, and who makes the
/// items.
struct View {
  const char* word;
  std::vector<std::string> also;  ///< other words for it
  const Noun& (*noun)();
  Answer (*list)(const Choice& choice, const World& world);
  const Noun& (*noun_of_named)() = nullptr;  ///< its table where instances are named, if that is another
};
const View views[] = {{"upstreams", {"upstream", "up", "ups"}, upstreams_noun, list_upstreams},
                      {"servers", {"server", "srv"}, servers_noun, list_servers},
                      {"health", {}, health_noun, list_health},
                      {"overrides", {"override", "ov"}, overrides_noun, list_overrides},
                      {"versions", {"version", "ver"}, versions_noun, list_versions, all_versions_noun},
                      {"certs", {"cert", "certificate", "certificates"}, certificates_noun, list_certificates}};

std::vector<std::string> words() {
  std::vector<std::string> all;
  for (const Kind& kind : kinds())
    if (kind.lives != Kind::Lives::nowhere) all.push_back(kind.plural);
  for (const View& view : views) all.emplace_back(view.word);
  return all;
}

/// Singular and short forms.
std::vector<std::pair<std::string, std::string>> other_words() {
  std::vector<std::pair<std::string, std::string>> all = {{"inst", "instances"}};
  for (const Kind& kind : kinds())
    if (kind.lives != Kind::Lives::nowhere) all.emplace_back(kind.word(), kind.plural);
  for (const View& view : views)
    for (const std::string& word : view.also) all.emplace_back(word, view.word);
  return all;
}

void flags(Flags& f, Options& o) {
  const std::vector<std::string> all = words();
  f.positional("WHAT", o.what, join({all.begin(), all.end() - 1}, ", ") + " or " + all.back())
      .choices(all)
      .also(other_words())
      .required();
  f.positional("INST", o.choice.names, "instances, or patterns such as 'prd_*'; none: all; of health also INST/UP");
  f.add("-l,--selector", o.choice.labels, "choose instances by label: team=payments, 'env in (prd, stg)', !old")
      .value("SELECTOR");
}

Exit run(const Options& o, const World& world, Io& io) {
  for (const Kind& kind : kinds())
    if (kind.plural == o.what) {
      io.kind(noun_of(kind).kind);
      return show_answer(io, noun_of(kind), list_objects(kind, o.choice, world));
    }
  const View& view =
      *std::find_if(std::begin(views), std::end(views), [&](const View& known) { return known.word == o.what; });
  const Noun& noun = view.noun_of_named != nullptr && !o.choice.names.empty() ? view.noun_of_named() : view.noun();
  io.kind(noun.kind);
  return show_answer(io, noun, view.list(o.choice, world));
}

}  // namespace

Command get_command() {
  return command<Options>(
      {"get",
       "list instances, upstreams, servers, health, overrides, versions or certificates",
       {{"All instances of the host", "orctl get instances"},
        {"Servers of one instance with their counters", "orctl get servers prd_payment_001_8080"},
        {"What the checks of an upstream say", "orctl get health prd_payment_001_8080/payment"},
        {"Upstreams of a team, for a program", "orctl get upstreams -l 'team in (payments, risk)' -o json"},
        {"Servers by their requests, as they change", "orctl get servers --sort-by .requests -w"},
        {"Names for another command", "orctl get servers --field-selector state=drain -o name"},
        {"What operators changed for a time", "orctl get overrides"},
        {"Which revision is live, and is it what runs?", "orctl get versions"},
        {"All revisions of an instance, with their tags", "orctl get versions prd_payment_001_8080"},
        {"Which certificates are served, and until when?", "orctl get certs"}},
       "Counters, states and times of certificates come from the running gateway. Exit code 6 when some "
       "instances could be told of and some not; errors say why.",
       {"table", "wide", "json", "name"}},
      flags, run);
}

}  // namespace orctl
