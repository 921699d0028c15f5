// Of config.h: the writer, with the one quoting function.
#include "nginx/config.h"

namespace orctl::nginx {
namespace {

bool plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_./:@%+,=*~-").find(c) != std::string_view::npos;
}

void write_into(std::string& out, const Config& config, size_t depth) {
  const std::string indent(depth * 2, ' ');
  for (const Directive& d : config) {
    out += indent + quote({d.name});
    for (const Arg& arg : d.args) out += " " + quote(arg);
    if (!d.has_block) {
      out += ";\n";
    } else if (d.is_lua()) {
      out += " {" + d.lua + "}\n";
    } else {
      out += " {\n";
      write_into(out, d.block, depth + 1);
      out += indent + "}\n";
    }
  }
}

}  // namespace

std::string quote(const Arg& arg) {
  std::string out;
  bool bare = !arg.text.empty();
  for (const char c : arg.text) {
    if (c == '\0' || c == '\n' || c == '\r') throw Fault(0, 0, "a value with a NUL or a line break cannot be written");
    if (c == '"' || c == '\\') out += '\\';
    if (c == '$' && !arg.variables) {
      out += "${orctl_dollar}";
      bare = false;
      continue;
    }
    out += c;
    bare = bare && (plain(c) || (c == '$' && arg.variables));
  }
  return bare ? out : '"' + out + '"';
}

std::string write(const Config& config) {
  std::string out;
  write_into(out, config, 0);
  return out;
}

}  // namespace orctl::nginx
