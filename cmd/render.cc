#include <fmt/format.h>

#include "answer/manifests.h"
#include "base/text.h"
#include "base/whose.h"
#include "change/guards.h"
#include "cli/command.h"
#include "host/target.h"
#include "manifest/load.h"

namespace orctl {
namespace {

struct Options {
  std::vector<std::string> files;
  bool recursive = false;
  std::string folder, file, flavor = "host";
};

void flags(Flags& f, Options& o) {
  f.add("-f,--filename", o.files, "manifest file or folder, or - for standard input").value("FILE").required();
  f.add("-R,--recursive", o.recursive, "look into the folders of a folder too");
  f.add("-d,--directory", o.folder, "write trees and units below this new folder").value("DIR");
  f.add("--file", o.file, "print one file: nginx.conf, gateway.json, unit, lua/orctl/init.lua …").value("PATH");
  f.add("--flavor", o.flavor, "the nginx to write for: the one of this host, OpenResty, or Debian's")
      .choices({"host", "openresty", "debian"});
}

/// Debian 12's nginx with libnginx-mod-http-lua and libnginx-mod-stream.
Target debian() {
  Target t;
  t.http2_directive = false;
  t.binary = "/usr/sbin/nginx";
  t.modules = {"/usr/lib/nginx/modules/ndk_http_module.so", "/usr/lib/nginx/modules/ngx_http_lua_module.so"};
  t.stream_modules = {"/usr/lib/nginx/modules/ngx_stream_module.so"};
  return t;
}

Target target_for(const Options& o, const Loaded& loaded, const World& world) {
  return o.flavor == "host" ? find_target(loaded.instance.spec, world) : o.flavor == "debian" ? debian() : Target{};
}

std::string one_file(const Options& o, const Rendered& rendered) {
  if (o.file == "unit") return rendered.unit;
  const auto found = rendered.tree.find(o.file);
  if (found != rendered.tree.end() && is_secret(o.file, found->second))
    throw Error(Exit::refused, "'" + o.file + "' may hold a secret, and is not shown",
                "look at the file of the overlay, or write the tree with -d DIR");
  if (found != rendered.tree.end()) return found->second.content;
  std::vector<std::string> known = {"unit"};
  for (const auto& [path, file] : rendered.tree) known.push_back(path);
  throw Error(Exit::absent, "the tree has no file '" + o.file + "'", "it has " + join(known, ", "));
}

// Writes only where the user says, and only what did not exist.
Exit run(const Options& o, World& world, Io& io) {
  io.kind("RenderedList");
  const auto instances = load_valid(o.files, o.recursive ? Recurse::yes : Recurse::no, world, [&](const Diagnostic& d) {
    d.severity == Severity::error ? io.error(d) : io.warn(d);
  });
  if (o.folder.empty() && o.file.empty() && !io.json())
    throw Error(Exit::usage, "say what to do with the files",
                "write them with -d DIR, or print one with --file nginx.conf");
  if (!o.file.empty() && instances.size() != 1)
    throw Error(Exit::usage,
                fmt::format("--file prints a file of one instance; the manifests have {}", instances.size()),
                "name one manifest, or use -d DIR");
  const std::string folder = o.folder.empty() ? "" : world.fs.resolved(o.folder);
  std::optional<Fs> inside;
  for (const Loaded& loaded : instances) {
    const std::string name = loaded.instance.name.str();
    const Target target = about(instances.size() > 1 ? name : "", [&] { return target_for(o, loaded, world); });
    const Rendered rendered = render(loaded.instance, loaded.overlay, target, world.layout);
    io.item(rendered_item(name, rendered));
    if (!o.file.empty()) io.print(one_file(o, rendered));
    if (o.folder.empty()) continue;
    if (world.fs.exists(folder + "/" + name))
      throw Error(Exit::refused, fmt::format("'{}/{}' exists already", o.folder, name),
                  "remove it, or choose another folder");
    if (!inside) {
      refuse_others_folder(folder, world);
      world.fs.make_folders(folder);
      inside = world.fs.beneath(folder);  // one handle for all: DIR is the user's word, what lies below it is not
    }
    inside->write_tree(folder + "/" + name, rendered.tree);
    inside->write(folder + "/" + world.layout.unit_name(name), rendered.unit);
    io.changed(true);  // whatever becomes of the next one
    io.print(fmt::format("{} rendered: {} in {}/{}\n", name, count(rendered.tree.size(), "file"), o.folder, name));
  }
  if (o.folder.empty()) io.changed(false);
  return Exit::ok;
}

}  // namespace

Command render_command() {
  return command<Options>({"render",
                           "write install trees and units into a folder",
                           {{"Look at the nginx.conf of a manifest", "orctl render -f payment.toml --file nginx.conf"},
                            {"Write all trees and units", "orctl render -f manifests/ -d out/"}},
                           "Equal manifests give equal bytes. Nothing outside DIR is touched.",
                           {"text", "json"}},
                          flags, run);
}

}  // namespace orctl
