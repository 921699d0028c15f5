#include "manifest/overlay.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "base/tree_paths.h"
#include "model/upstream_health.h"
#include "nginx/config.h"

namespace orctl {
namespace {

/// What a file laid over the tree may be called, and how large it may be.
std::string overlay_fault(const std::string& path, const TreeFile& file) {
  const bool snippet = path.starts_with(tree_path::http_snippets) || path.starts_with(tree_path::stream_snippets);
  const bool place = snippet                            ? path.ends_with(".conf")
                     : path.starts_with(tree_path::lua) ? path.ends_with(".lua")
                                                        : path.starts_with(tree_path::certs);
  if (!place) return "does not belong into a tree; only http.d/*.conf, streams.d/*.conf, lua/*.lua and certs/* do";
  if (path.starts_with(tree_path::own_lua)) return "stands where the gateway's own Lua is";
  for (const std::string& part : split(path, '/')) {
    const bool fine = !part.empty() && part.size() <= max_overlay_name_bytes && part[0] != '.' && part[0] != '-' &&
                      std::all_of(part.begin(), part.end(), [](unsigned char c) {
                        return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
                      });
    if (!fine)
      return fmt::format("has a name with other characters than a-z, A-Z, 0-9, '.', '_' and '-', or longer than {}",
                         max_overlay_name_bytes);
  }
  if (!is_utf8(file.content) || file.content.find('\0') != std::string::npos) return "is not UTF-8 text";
  return {};
}

void lint(const std::string& path, const std::string& content, Diagnostics& found) {
  for (const nginx::Finding& f : nginx::check_overlay(content)) {
    if (f.weight != nginx::Weight::forbidden) continue;  // the policy's to say
    found.push_back({Severity::error,
                     "nginx",
                     path,
                     {static_cast<uint32_t>(f.line), static_cast<uint32_t>(f.col)},
                     "",
                     f.text,
                     f.hint,
                     line_of(content, static_cast<uint32_t>(f.line))});
  }
}

}  // namespace

std::string overlay_folder(const Value& files, const std::string& above) {
  std::string folder = files.as_string();
  while (folder.ends_with('/')) folder.pop_back();
  return above + folder;
}

Tree read_overlay(const Source& source, const Value& files, const Folder& base, const std::string& above,
                  Diagnostics& found) {
  const auto fault = [&](const std::string& text, const std::string& hint) {
    found.push_back({Severity::error, "bad-files", source.file, files.place, "files", text, hint,
                     line_of(source.text, files.place.line)});
  };
  const std::string folder = overlay_folder(files, above), shown = base.shown(folder);
  std::vector<Unread> unread;
  const Tree overlay = base.tree(folder, new_tree_limits, max_overlay_file_bytes, unread);
  if (unread.size() > max_faults) unread.resize(max_faults);
  for (const Unread& one : unread) {
    if (one.why == Unread::Why::absent)
      fault("there is no folder '" + shown + "'",
            "the path is relative to the manifest; make the folder or take the field out");
    else if (one.why == Unread::Why::too_large)
      fault("'" + one.path + "' is larger than 1 MiB", "move it out of the folder");
    else
      fault(one.text, one.hint.empty() ? "move it out of the folder" : one.hint);
  }
  check_overlay(source, files, overlay, shown, found);
  return overlay;
}

void check_overlay(const Source& source, const Value& files, const Tree& overlay, const std::string& shown,
                   Diagnostics& found) {
  for (const auto& [path, file] : overlay) {
    if (const std::string text = overlay_fault(path, file); !text.empty())
      found.push_back({Severity::error, "bad-files", source.file, files.place, "files",
                       "'" + shown + "/" + path + "' " + text, "move it out of the folder",
                       line_of(source.text, files.place.line)});
    else if (path.ends_with(".conf"))
      lint(shown + "/" + path, file.content, found);
  }
}

Tree overlay_of(const Tree& tree) {
  Tree overlay;
  for (const auto& [path, file] : tree)
    if (tree_path::is_overlay(path)) overlay[path] = file;
  return overlay;
}

void check_modules(const Instance& instance, const Tree& overlay, Diagnostics& found) {
  std::vector<std::string> known;
  for (const auto& [path, file] : overlay)
    if (std::string name = tree_path::module_of(path); !name.empty()) known.push_back(std::move(name));
  visit_check_modules(instance.spec, [&](const Value& module, const std::string& field) {
    const std::string& name = module.as_string();
    if (std::find(known.begin(), known.end(), name) != known.end()) return;
    const auto near = nearest(name, known);
    std::string file = name;
    std::replace(file.begin(), file.end(), '.', '/');
    found.push_back({Severity::error, "unknown-module", instance.source.file, module.place, field,
                     "there is no module '" + name + "' in the tree",
                     near ? "did you mean \"" + *near + "\"?" : "add lua/" + file + ".lua to the folder of `files`",
                     module.place.line == 0 ? "" : line_of(instance.source.text, module.place.line)});
  });
}

}  // namespace orctl
