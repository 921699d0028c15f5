#include "answer/finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "base/text.h"

namespace orctl {

const std::vector<FindingKind>& finding_kinds() {
  using enum Concern;
  static const std::vector<FindingKind> all = {
      // what runs
      {"broken", fault, "its history or its files cannot be read"},
      {"lost", fault, "something that it needs on the host is gone"},
      {"masters", fault, "two masters, or workers of one that was killed"},
      {"masked", fault, "its unit is masked"},
      {"crash_loop", fault, "systemd starts it again and again"},
      {"failed", fault, "systemd gave it up"},
      {"stopped", fault, "it does not run"},
      {"outside_unit", fault, "it runs outside of its systemd unit"},
      {"silent", fault, "its gateway does not answer in time"},
      {"no_rights", fault, "you may not ask it"},
      {"not_told", fault, "something that was asked was not answered"},
      {"workers_behind", fault, "workers are missing, or serve something else than the others"},
      {"workers_fallen", fault, "workers crashed or were killed within the last minute"},
      {"degraded", fault, "anything else that is not as it should be"},
      // what is wanted
      {"interrupted", fault, "a change was killed half-way"},
      {"overdue", fault, "a change that nobody confirmed is not taken back yet"},
      {"tree", fault, "its tree was changed by hand, or could be by others"},
      {"drift", fault, "store, disk and what runs differ"},
      // what clients get
      {"upstream_down", fault, "no server of an upstream takes requests"},
      {"servers_down", fault, "servers are down by their checks, ejected, or failed their last try"},
      {"errors", fault, "5% or more of at least 3 errors in the last minute"},
      {"certificate", fault, "a certificate has fewer than 7 days left, or is not valid yet"},
      {"source", fault, "the source of its document cannot be read"},
      // what becomes a fault, or was one
      {"certificate_soon", warning, "a certificate has fewer than 21 days left"},
      {"some_errors", warning, "1% or more of the requests of the last minute were answered with an error"},
      {"apply_failed", warning, "the newest revision did not go live"},
      {"open_files", warning, "it may have fewer files open than it needs"},
      {"draining_long", warning, "old workers end their requests for longer than worker_shutdown_timeout"},
      // what somebody wanted
      {"changing", note, "a command changes it right now"},
      {"unconfirmed", note, "a change goes back unless somebody confirms it"},
      {"overrides", note, "operators have drained, weighted, added or removed servers"},
      {"draining", note, "old workers end their requests"},
      {"not_at_boot", note, "it does not start at boot"},
      {"uncounted", note, "nginx itself balances an upstream for tcp and udp: of its servers nothing is known"},
      {"older_gateway", note, "its gateway is of an older orctl, and tells no errors"},
  };
  return all;
}

Finding finding(const std::string& code, std::string text, std::string mend) {
  for (const FindingKind& kind : finding_kinds())
    if (code == kind.code) return {kind.concern, code, std::move(text), std::move(mend)};
  throw std::logic_error("no kind of finding is called " + code);
}

const char* word_of(Concern concern) {
  switch (concern) {
    case Concern::fault:
      return "fault";
    case Concern::warning:
      return "warning";
    case Concern::note:
      return "note";
  }
  return "";
}

Value to_value(const Finding& finding) {
  Value out = Value::object();
  out.set("severity", word_of(finding.concern));
  out.set("code", finding.code);
  out.set("text", finding.text);
  out.set("mend", finding.mend);
  return out;
}

bool is_well(const std::vector<Finding>& findings) {
  return std::none_of(findings.begin(), findings.end(), [](const Finding& f) { return f.concern == Concern::fault; });
}

std::string line_of(const std::vector<Finding>& findings) {
  std::vector<std::string> parts;
  for (const Concern concern : {Concern::fault, Concern::warning, Concern::note})
    for (const Finding& one : findings)
      if (one.concern == concern) {
        const bool with_mend = parts.empty() && concern != Concern::note && !one.mend.empty();
        parts.push_back(with_mend ? one.text + ": " + one.mend : one.text);
      }
  return join(parts, "; ");
}

void set_findings(Value& item, const std::vector<Finding>& findings) {
  item.set("well", is_well(findings));
  Value all = Value::array();
  for (const Concern concern : {Concern::fault, Concern::warning, Concern::note})
    for (const Finding& one : findings)
      if (one.concern == concern) all.push(to_value(one));
  item.set("findings", std::move(all));
}

std::string kinds_text(Concern concern) {
  std::vector<std::string> parts;
  for (const FindingKind& kind : finding_kinds())
    if (kind.concern == concern) parts.push_back(fmt::format("{} ({})", kind.code, kind.meaning));
  return join(parts, ", ");
}

}  // namespace orctl
