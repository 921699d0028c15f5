#include "model/edit_servers.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "model/address.h"
#include "model/schema.h"
#include "model/source_text.h"

namespace orctl {
namespace {

using Kind = ServerEdit::Kind;

const Value* find_upstream(const Value& document, const std::string& name) {
  const Value* upstreams = document.find("upstream");
  if (upstreams == nullptr || !upstreams->is_array()) return nullptr;
  for (const Value& upstream : upstreams->items())
    if (const Value* own = upstream.find("name"); own != nullptr && *own == Value(name)) return &upstream;
  return nullptr;
}

bool has_address(const Value& server, const std::string& address) {
  const Value* own = server.find("address");
  return own != nullptr && own->is_string() && canonical_address(own->as_string()) == canonical_address(address);
}

size_t line_start(const std::string& text, size_t at) {
  const size_t newline = at == 0 ? std::string::npos : text.rfind('\n', at - 1);
  return newline == std::string::npos ? 0 : newline + 1;
}
/// Past the newline that ends the line of `at`.
size_t next_line(const std::string& text, size_t at) {
  const size_t newline = text.find('\n', at);
  return newline == std::string::npos ? text.size() : newline + 1;
}
size_t skip_blanks(const std::string& text, size_t at) {
  return std::min(text.find_first_not_of(" \t", at), text.size());
}

/// The blanks before `at` when nothing else stands before it in its line; nullopt otherwise.
std::optional<std::string> indent_of(const std::string& text, size_t at) {
  const size_t start = line_start(text, at);
  if (skip_blanks(text, start) != at) return std::nullopt;
  return text.substr(start, at - start);
}

/// Past the `}` that belongs to the `{` at `at`.
size_t object_end(const std::string& text, size_t at, bool json) {
  int depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"' || c == '\'') {
      at = string_end(text, at);
      continue;
    }
    if (c == '#' && !json) at = next_line(text, at) - 1;
    if (c == '{') ++depth;
    if (c == '}' && --depth == 0) return at + 1;
    ++at;
  }
  return text.size();
}

/// Past the last line of the [[table]] whose header stands in the line of `at`; comments before the next header are
/// that one's.
size_t table_end(const std::string& text, size_t at) {
  size_t end = next_line(text, at);
  for (size_t line = end; line < text.size(); line = next_line(text, line)) {
    const char first = text[skip_blanks(text, line)];
    if (first == '[') break;
    if (first != '#' && first != '\n' && first != '\r') end = next_line(text, line);
  }
  return end;
}

/// Edits one text, knowing where everything in it stands.
class TextEditor {
 public:
  TextEditor(std::string text, bool json) : text_(std::move(text)), json_(json) {}

  std::optional<std::string> run(const Value& document, const ServerEdit& edit) {
    const Value* upstream = find_upstream(document, edit.upstream);
    const Value* servers = upstream == nullptr ? nullptr : upstream->find("server");
    if (servers == nullptr || !servers->is_array() || servers->items().empty()) return std::nullopt;
    const auto& all = servers->items();
    const auto server =
        edit.kind == Kind::add
            ? all.end() - 1
            : std::find_if(all.begin(), all.end(), [&](const Value& s) { return has_address(s, edit.address); });
    if (server == all.end()) return std::nullopt;
    const size_t at = offset_of(text_, server->place);
    if (at == std::string::npos || (text_[at] != '{' && text_[at] != '[')) return std::nullopt;
    const bool table = text_[at] == '[';
    if (edit.kind == Kind::set_weight)
      set_weight(*server, edit.server.at("weight"), table);
    else if (edit.kind == Kind::add)
      table ? add_table(at, edit.server) : add_object(at, edit.server);
    else
      table ? cut(line_start(text_, at), table_end(text_, at)) : remove_object(at);
    return std::move(text_);
  }

 private:
  void cut(size_t from, size_t to) { text_.erase(from, to - from); }

  std::string member(const std::string& key, const Value& value) const {
    return json_ ? fmt::format("\"{}\": {}", key, to_json(value)) : fmt::format("{} = {}", key, to_json(value));
  }

  void set_weight(const Value& server, const Value& weight, bool table) {
    if (const Value* old = server.find("weight")) {
      const size_t from = offset_of(text_, old->place);
      const size_t to = text_.find_first_not_of("0123456789abcdefABCDEFxo_+-", from);
      return static_cast<void>(text_.replace(from, std::min(to, text_.size()) - from, to_json(weight)));
    }
    const size_t address = offset_of(text_, server.at("address").place);
    if (table) {
      const size_t line = line_start(text_, address);
      const std::string indent = text_.substr(line, skip_blanks(text_, line) - line);
      const size_t next = next_line(text_, address);
      const bool ended = text_[next - 1] == '\n';
      text_.insert(next, (ended ? "" : "\n") + indent + member("weight", weight) + (ended ? "\n" : ""));
      return;
    }
    const size_t line = line_start(text_, address);
    const bool own_line = json_ && text_[skip_blanks(text_, line)] == '"';
    const std::string gap = own_line ? "\n" + text_.substr(line, skip_blanks(text_, line) - line) : " ";
    text_.insert(string_end(text_, address), "," + gap + member("weight", weight));
  }

  std::string object(const Value& server) const {
    std::vector<std::string> members;
    for (const auto& m : server.members()) members.push_back(member(m.key, m.value));
    return json_ ? "{" + join(members, ", ") + "}" : "{ " + join(members, ", ") + " }";
  }

  void add_object(size_t last, const Value& server) {
    const auto indent = indent_of(text_, last);
    text_.insert(object_end(text_, last, json_), (indent ? ",\n" + *indent : ", ") + object(server));
  }

  void add_table(size_t last, const Value& server) {
    const size_t line = line_start(text_, last);
    const std::string indent = text_.substr(line, skip_blanks(text_, line) - line);
    const size_t header_end = text_.find("]]", last);
    if (header_end == std::string::npos) return;
    std::string block = "\n" + indent + text_.substr(last, header_end + 2 - last) + "\n";
    for (const auto& m : server.members()) block += indent + member(m.key, m.value) + "\n";
    const size_t end = table_end(text_, last);
    text_.insert(end, (text_[end - 1] == '\n' ? "" : "\n") + block);
  }

  void remove_object(size_t from) {
    size_t to = object_end(text_, from, json_);
    const size_t behind = skip_blanks(text_, to);
    if (behind < text_.size() && text_[behind] == ',') {
      to = skip_blanks(text_, behind + 1);
      const bool line_ends = to == text_.size() || text_[to] == '\n' || text_[to] == '\r' || text_[to] == '#';
      if (line_ends && indent_of(text_, from)) return cut(line_start(text_, from), next_line(text_, to));
      return cut(from, to);
    }
    const size_t before = from == 0 ? std::string::npos : text_.find_last_not_of(" \t\r\n", from - 1);
    cut(before != std::string::npos && text_[before] == ',' ? before : from, to);
  }

  std::string text_;
  bool json_;
};

std::optional<std::string> edit_once(const Source& source, const ServerEdit& edit) {
  Diagnostics faults;
  const auto before = read_document(source, faults);
  if (!before) return std::nullopt;
  Value wanted = *before;
  edit_document(wanted, edit);
  const bool json = source.file.ends_with(".json");
  const auto text = TextEditor(source.text, json).run(*before, edit);
  if (!text) return std::nullopt;
  const auto after = read_document({source.file, *text}, faults);
  const Schema& schema = Schema::get("instance");
  if (!after || schema.with_defaults(*after) != schema.with_defaults(wanted)) return std::nullopt;
  return text;
}

}  // namespace

void edit_document(Value& document, const ServerEdit& edit) {
  Value* upstream = const_cast<Value*>(find_upstream(document, edit.upstream));
  Value* list = upstream == nullptr ? nullptr : upstream->find("server");
  if (list == nullptr || !list->is_array())
    throw Error(Exit::refused, fmt::format("the manifest has no upstream '{}'", edit.upstream),
                "it was changed meanwhile: orctl overrides list");
  auto& servers = list->items();
  const auto server =
      std::find_if(servers.begin(), servers.end(), [&](const Value& s) { return has_address(s, edit.address); });
  if ((server == servers.end()) != (edit.kind == Kind::add))
    throw Error(Exit::refused,
                fmt::format("the manifest's upstream '{}' {} server {}", edit.upstream,
                            edit.kind == Kind::add ? "already has a" : "has no", edit.address),
                fmt::format("end the override: orctl overrides discard INST/{}/{}", edit.upstream, edit.address));
  if (edit.kind == Kind::set_weight) {
    server->set("weight", edit.server.at("weight"));
  } else if (edit.kind == Kind::add) {
    servers.push_back(edit.server);
  } else {
    if (servers.size() == 1)
      throw Error(Exit::refused,
                  fmt::format("{} is the last server of upstream '{}' in the manifest", edit.address, edit.upstream),
                  "a manifest's upstream has at least one server: promote another before, or take the upstream out");
    servers.erase(server);
  }
}

std::optional<std::string> edit_text(const Source& source, const std::vector<ServerEdit>& edits) {
  Source now = source;
  for (const ServerEdit& edit : edits) {
    auto text = edit_once(now, edit);
    if (!text) return std::nullopt;
    now.text = std::move(*text);
  }
  return std::move(now.text);
}

}  // namespace orctl
