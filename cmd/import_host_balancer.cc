#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "cli/command.h"
#include "import/host_balancer.h"
#include "manifest/config.h"
#include "manifest/find_manifests.h"

namespace orctl {
namespace {

struct Options {
  std::string file;
  std::optional<std::string> name;
};

void flags(Flags& f, Options& o) {
  f.positional("FILE", o.file, "Host-header document, or - for standard input").required();
  f.add("--name", o.name, "name of the instance: env_module_seq_port").value("NAME");
}

Name instance_name(const std::string& text) {
  const NameCheck checked = check_name(text);
  if (checked.name) return *checked.name;
  const NameFault& fault = checked.faults.front();
  throw Error(
      Exit::usage, fmt::format("'{}': {} {}", text, fault.part, fault.text),
      checked.suggestion.empty() ? "for example prd_balancer_001_8080" : "did you mean '" + checked.suggestion + "'?");
}

std::string text_of(const std::string& file, const World& world) {
  try {
    return file == "-" ? world.fs.read_stdin(max_manifest_bytes) : read_named_file(file, max_manifest_bytes, world);
  } catch (const Error& e) {
    throw Error(Exit::usage, e.what(),
                e.hint().empty() ? "name a file of at most 4 MiB that you may read, or -" : e.hint());
  }
}

Exit run(const Options& o, const World& world, Io& io) {
  io.kind("ImportedManifest");
  std::optional<Name> name;
  if (o.name) name = instance_name(*o.name);
  Diagnostics found;
  const auto manifest = import_host_balancer({o.file, text_of(o.file, world)}, name, found, sound_config(world).policy);
  for (const Diagnostic& d : found) d.severity == Severity::error ? io.error(d) : io.warn(d);
  if (!manifest)
    throw Error(
        Exit::refused,
        fmt::format(
            "{} in the document; no manifest was made",
            count(static_cast<size_t>(std::count_if(found.begin(), found.end(),
                                                    [](const Diagnostic& d) { return d.severity == Severity::error; })),
                  "error")),
        "mend what is marked above, then run the same command again");
  if (manifest->size() > max_manifest_bytes)
    throw Error(
        Exit::refused,
        fmt::format("the manifest would have {} bytes, and {} are the most", manifest->size(), max_manifest_bytes),
        "split the document, one instance for each part");
  io.item(Value(Value::Object{{"manifest", *manifest}}));
  io.print(*manifest);
  return Exit::ok;
}

}  // namespace

Command import_host_balancer_command() {
  return command<Options>(
      {"import host-balancer",
       "print the manifest for a Host-header document",
       {{"Make a manifest of it", "orctl import host-balancer config.json --name prd_shop_001_8080 >shop.toml"},
        {"Take it from where it runs", "curl -s http://127.0.0.1:9001/config | orctl import host-balancer -"}},
       "The document has backends (servers, weights, health checks) and the hosts that lead to them. The manifest is "
       "valid and serves the same; the same document gives the same manifest. Names of backends that an upstream "
       "cannot have are mapped, which is said. Exit code 3 means that the document has faults, all of which are "
       "told.",
       {"toml", "json"}},
      flags, run);
}

}  // namespace orctl
