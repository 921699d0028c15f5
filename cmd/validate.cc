#include <fmt/format.h>

#include <algorithm>

#include "answer/manifests.h"
#include "base/text.h"
#include "cli/command.h"
#include "manifest/host_policy.h"
#include "manifest/load.h"
#include "model/certificate_rules.h"

namespace orctl {
namespace {

struct Options {
  std::vector<std::string> files;
  bool recursive = false, strict = false;
};

void flags(Flags& f, Options& o) {
  f.add("-f,--filename", o.files, "manifest file or folder, or - for standard input").value("FILE").required();
  f.add("-R,--recursive", o.recursive, "look into the folders of a folder too");
  f.add("--strict", o.strict, "warnings make the manifests invalid too");
}

/// "2 instances, 1 note": whatever is there, and instances in any case.
std::string counts_of(const Manifests& manifests) {
  std::string out = count(manifests.instances.size(), "instance");
  for (const Kind& kind : kinds())
    if (const auto n = std::count_if(manifests.objects.begin(), manifests.objects.end(),
                                     [&](const Object& one) { return &kind_of(one.spec) == &kind; });
        n != 0)
      out += ", " + (n == 1 ? "1 " + kind.word() : fmt::format("{} {}", n, kind.plural));
  return out;
}

Exit run(const Options& o, const World& world, Io& io) {
  io.kind("ValidationResult");
  Manifests manifests = load(o.files, o.recursive ? Recurse::yes : Recurse::no, world);
  add_policy_faults(manifests, sound_config(world).policy, Severity::warning);
  // what is served already may stay so, and what that is a manifest does not tell
  for (Diagnostic& d : manifests.found)
    if (d.code == certificate_time) d.severity = Severity::error;
  for (const Diagnostic& d : manifests.found) d.severity == Severity::error ? io.error(d) : io.warn(d);
  for (const Object& object : manifests.objects) io.item(manifest_item(object));
  for (const Loaded& loaded : manifests.instances) io.item(manifest_item(loaded.instance));
  const auto errors =
      static_cast<size_t>(std::count_if(manifests.found.begin(), manifests.found.end(),
                                        [](const Diagnostic& d) { return d.severity == Severity::error; }));
  const size_t warnings = manifests.found.size() - errors;
  const bool valid = errors == 0 && (!o.strict || warnings == 0);
  io.print(fmt::format("{}: {} in {}, {}, {}\n", valid ? io.paint("valid", "green") : io.paint("invalid", "red"),
                       counts_of(manifests), count(manifests.files, "file"), count(errors, "error"),
                       count(warnings, "warning")));
  return valid ? Exit::ok : Exit::no;
}

}  // namespace

Command validate_command() {
  return command<Options>(
      {"validate",
       "check manifests, offline and without rights",
       {{"Check one manifest", "orctl validate -f payment.toml"},
        {"Check a folder in CI", "orctl validate -f manifests/ --strict -o json"},
        {"Check what another program makes", "make-manifest | orctl validate -f -"}},
       "Reports every error of every manifest, not the first: syntax, unknown fields, types, "
       "ranges, names, references between routes and upstreams, duplicates, and conflicts of "
       "names, addresses and ports between manifests, and servers where this host's policy sends no requests "
       "(orctl explain config.policy). What lies in a folder of manifests is read through no symlink, and hidden "
       "files and folders are left out; a file that you name may be a symlink to one in its own folder. Exit code 1 "
       "means invalid.",
       {"text", "json"}},
      flags, run);
}

}  // namespace orctl
