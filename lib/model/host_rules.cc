#include "model/host_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <stdexcept>

#include "base/text.h"

namespace orctl {
namespace {

using Paths = std::vector<std::string>;

/// Folders below /opt/openresty that are OpenResty's own where it is installed there.
constexpr std::array taken_folders = {"bin",  "luajit", "lualib", "nginx", "openssl", "openssl3",
                                      "pcre", "pcre2",  "pod",    "site",  "zlib"};

/// What the list of this key holds now.
Paths now_in(const std::string& key, const Policy& policy) {
  const std::pair<const char*, const Paths*> words[] = {{"names", &policy.names},
                                                        {"binaries", &policy.binaries},
                                                        {"users", &policy.users},
                                                        {"secret_files", &policy.secret_files},
                                                        {"certificate_files", &policy.certificate_files}};
  for (const auto& [name, list] : words)
    if (key == name) return *list;
  if (key == "layouts") return policy.layouts.value_or(Paths());
  const std::pair<const char*, const std::vector<Endpoints>*> places[] = {{"allow_listen", &policy.allow_listen},
                                                                          {"allow_admin", &policy.allow_admin},
                                                                          {"allow_sources", &policy.allow_sources},
                                                                          {"clear_secrets", &policy.clear_secrets}};
  Paths out;
  for (const auto& [name, list] : places)
    if (key == name)
      for (const Endpoints& one : *list)
        if (out.empty() || out.back() != one.text) out.push_back(one.text);
  return out;
}

/// A list replaces the one of before, so the hint has what holds now and the new item.
std::string change(const std::string& key, const std::string& value, const Policy& policy) {
  Paths all = now_in(key, policy);
  all.push_back(value);
  Value list = Value::array();
  for (const std::string& one : all) list.push(one);
  return fmt::format("if that is meant: {} = {} under [policy] in {}", key, to_json(list), policy.file);
}

std::string listed(const Paths& paths) { return paths.empty() ? "none" : join(paths, ", "); }

bool is_in(const std::string& path, const Paths& allowed) {
  return std::any_of(allowed.begin(), allowed.end(), [&](const std::string& one) {
    return one.ends_with("/") ? path.starts_with(one) && path.size() > one.size() : path == one;
  });
}

bool is_at(const std::string& host, int64_t port, const std::vector<Endpoints>& allowed) {
  const auto address = parse_ip(host);
  return address &&
         std::any_of(allowed.begin(), allowed.end(), [&](const Endpoints& one) { return one.holds(*address, port); });
}

/// Whether all ports of `host` are allowed; of what is no address, whether everything is.
bool is_wholly(const std::string& host, const std::vector<Endpoints>& allowed) {
  const auto address = parse_ip(host);
  return std::any_of(allowed.begin(), allowed.end(), [&](const Endpoints& one) {
    return address ? one.low <= 1 && one.high >= 65535 && one.network.holds(*address) : one.text == "any";
  });
}

/// An address as parse_ip() takes it: without the length of its network, and IPv6 in brackets.
std::string bare_address(const std::string& text) {
  const std::string host = text.substr(0, text.find('/'));
  return host.find(':') != std::string::npos && !host.starts_with('[') ? "[" + host + "]" : host;
}

std::string listed(const std::vector<Endpoints>& all) {
  Paths texts;
  for (const Endpoints& one : all)
    if (texts.empty() || texts.back() != one.text) texts.push_back(one.text);
  return listed(texts);
}

std::string endpoint(const std::string& host, int64_t port) { return fmt::format("{}:{}", host, port); }

bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

/// Whether three digits stand together: the folder of a tree has them in its place at the latest.
bool has_sequence_number(const std::string& folder) {
  size_t run = 0;
  for (const char c : folder) {
    run = c >= '0' && c <= '9' ? run + 1 : 0;
    if (run == 3) return true;
  }
  return false;
}

/// What is wrong with a layout where the host has no list: "" when its last folder can be no other instance's, and no
/// folder before it can be an instance's.
std::string fault_of_layout(const std::string& layout) {
  const std::vector<std::string> folders = split(layout, '/');
  const auto names_instance = [](const std::string& folder) {
    return holds(folder, "{name}") || (holds(folder, "{env}") && holds(folder, "{module}") && holds(folder, "{seq}"));
  };
  // beside a letter, a digit or an underscore a placeholder could end where another instance's goes on
  for (size_t at = layout.find('{'); at != std::string::npos; at = layout.find('{', at + 1)) {
    const size_t end = layout.find('}', at) + 1;
    const bool sole = layout.compare(at, end - at, "{name}") == 0;
    const auto joins = [&](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '{' || c == '}'; };
    const auto near = [&](char c) { return joins(c) || (sole && c == '_'); };
    if ((at > 0 && near(layout[at - 1])) || (end < layout.size() && near(layout[end])))
      return "has nothing that sets a placeholder off, so that another instance could have the same folder";
  }
  // spread over folders it names the instance as well, if it ends there: {env}/{module}/{seq}
  if (!names_instance(layout)) return "does not name the instance, so that another one could have the same folder";
  for (size_t i = 0; i + 1 < folders.size(); ++i)
    if (names_instance(folders[i]) || has_sequence_number(folders[i]))
      return "leads into a folder that can be another instance's tree";
  if (std::find(taken_folders.begin(), taken_folders.end(), folders.front()) != taken_folders.end())
    return fmt::format("leads into '{}', which is OpenResty's own where it is installed there", folders.front());
  return {};
}

}  // namespace

Policy::Policy() {
  static const Policy defaults = [] {
    Policy made{nullptr};
    Value given = Value::object();
    for (const auto& property : Schema::get("config").find("policy")->properties)
      if (property.node->has_default) given.set(property.name, property.node->default_value);
    read_lists(given, made, [](const Value&, const std::string& field, const std::string&, const std::string&) {
      throw std::logic_error("schema: bad default of config.policy." + field);
    });
    return made;
  }();
  *this = defaults;
}

void read_lists(const Value& given, Policy& policy, const ListFault& report) {
  const auto words = [&](const char* key, Paths& out) {
    const Value* list = given.find(key);
    if (list == nullptr) return false;
    out.clear();
    for (const Value& item : list->items()) out.push_back(item.as_string());
    return true;
  };
  words("names", policy.names);
  words("binaries", policy.binaries);
  words("users", policy.users);
  words("secret_files", policy.secret_files);
  words("certificate_files", policy.certificate_files);
  if (Paths layouts; words("layouts", layouts)) policy.layouts = std::move(layouts);
  const auto endpoints = [&](const std::string& key, std::vector<Endpoints>& out) {
    const Value* list = given.find(key);
    if (list == nullptr) return;
    out.clear();
    for (size_t i = 0; i < list->items().size(); ++i) {
      const Value& item = list->items()[i];
      std::string fault, hint;
      const auto all = parse_endpoints(item.as_string(), fault, hint);
      if (all.empty()) report(item, fmt::format("{}[{}]", key, i), fmt::format("{} {}", to_json(item), fault), hint);
      out.insert(out.end(), all.begin(), all.end());
    }
  };
  endpoints("allow_listen", policy.allow_listen);
  endpoints("allow_admin", policy.allow_admin);
  endpoints("allow_sources", policy.allow_sources);
  endpoints("clear_secrets", policy.clear_secrets);
}

std::optional<Refusal> refuse_name(const std::string& name, const Policy& policy) {
  if (std::any_of(policy.names.begin(), policy.names.end(), [&](const auto& one) { return glob_match(one, name); }))
    return std::nullopt;
  return Refusal{fmt::format("is no name that instances of this host may have ({})", listed(policy.names)),
                 change("names", name, policy)};
}

std::optional<Refusal> refuse_binary(const std::string& path, const Policy& policy) {
  if (is_in(path, policy.binaries)) return std::nullopt;
  return Refusal{fmt::format("is none of the programs that a manifest may name here ({})", listed(policy.binaries)),
                 change("binaries", path, policy)};
}

std::optional<Refusal> refuse_user(const std::string& user, const Policy& policy) {
  if (std::find(policy.users.begin(), policy.users.end(), user) != policy.users.end()) return std::nullopt;
  return Refusal{
      fmt::format("is none of the users that a manifest may name here ({})", listed(policy.users)),
      "take it away, and the instance gets a user of its own under systemd; " + change("users", user, policy)};
}

std::optional<Refusal> refuse_layout(const std::string& layout, const Policy& policy) {
  if (policy.layouts) {
    if (std::find(policy.layouts->begin(), policy.layouts->end(), layout) != policy.layouts->end()) return std::nullopt;
    return Refusal{fmt::format("is none of this host's layouts ({})", listed(*policy.layouts)),
                   change("layouts", layout, policy)};
  }
  const std::string fault = fault_of_layout(layout);
  if (fault.empty()) return std::nullopt;
  return Refusal{fault, "for example \"{env}/{name}\"; " + change("layouts", layout, policy)};
}

std::string secrets_folder(const std::string& name) { return "/etc/orctl/secrets/" + name + "/"; }

std::optional<Refusal> refuse_secret_file(const std::string& path, const std::string& name, const Policy& policy) {
  if (is_in(path, {secrets_folder(name)}) || is_in(path, policy.secret_files)) return std::nullopt;
  return Refusal{"is no secret of this instance",
                 fmt::format("put it into {}; {}", secrets_folder(name), change("secret_files", path, policy))};
}

std::optional<Refusal> refuse_certificate_file(const std::string& path, const Policy& policy) {
  if (!path.starts_with("/") || is_in(path, policy.certificate_files)) return std::nullopt;  // of the tree
  return Refusal{fmt::format("is in no folder of certificates of this host ({})", listed(policy.certificate_files)),
                 "bring it along as certs/NAME; " + change("certificate_files", path, policy)};
}

std::optional<int64_t> port_of(const Value& object) {
  const Value* port = object.find("port");
  return port != nullptr && port->is_int() ? std::optional(port->as_int()) : std::nullopt;
}

std::optional<Refusal> refuse_listen(const std::string& address, std::optional<int64_t> port, const Policy& policy) {
  const std::string host = bare_address(address);
  if (port ? is_at(host, *port, policy.allow_listen) : is_wholly(host, policy.allow_listen)) return std::nullopt;
  return Refusal{fmt::format("is nowhere that instances of this host may listen ({})", listed(policy.allow_listen)),
                 change("allow_listen",
                        !parse_ip(host) ? "any"
                        : port          ? endpoint(host, *port)
                                        : host,
                        policy)};
}

std::optional<Refusal> refuse_admin_listen(const std::string& listen, const Policy& policy) {
  const size_t colon = listen.rfind(':');
  const int64_t port = parse_number(listen.substr(colon + 1), 65535).value_or(0);
  if (is_at(listen.substr(0, colon), port, policy.allow_admin)) return std::nullopt;
  return Refusal{fmt::format("is nowhere that an admin endpoint may listen here ({}): it speaks plain HTTP",
                             listed(policy.allow_admin)),
                 change("allow_admin", listen, policy)};
}

std::optional<Refusal> refuse_source(const Value& source, const Policy& policy) {
  const std::string& host = source.at("host").as_string();
  const auto port = port_of(source);
  const auto is_in_list = [&](const std::vector<Endpoints>& all) {
    return port ? is_at(host, *port, all) : is_wholly(host, all);
  };
  const std::string written = port ? endpoint(host, *port) : host;
  if (!is_in_list(policy.allow_sources))
    return Refusal{fmt::format("is no source that a manifest may name here ({})", listed(policy.allow_sources)),
                   change("allow_sources", written, policy)};
  const Value *tls = source.find("tls"), *verify = source.find("tls_verify");
  const bool proved = tls != nullptr && *tls == Value(true) && (verify == nullptr || *verify == Value(true));
  const bool clear = source.find("password_file") != nullptr && !proved;
  if (!clear || is_in_list(policy.clear_secrets)) return std::nullopt;
  return Refusal{"would be sent the password without TLS, or with TLS that proves nothing",
                 "say tls = true, and not tls_verify = false; " + change("clear_secrets", written, policy)};
}

std::string policy_keys(Authority authority) {
  switch (authority) {
    case Authority::name:
      return "policy.names";
    case Authority::binary:
      return "policy.binaries";
    case Authority::user:
      return "policy.users";
    case Authority::layout:
      return "policy.layouts";
    case Authority::overlay:
    case Authority::code:
      return "policy.risk";
    case Authority::connect:
      return "policy.allow_upstreams, policy.deny_upstreams";
    case Authority::source:
      return "policy.allow_sources, policy.clear_secrets";
    case Authority::secret_file:
      return "policy.secret_files";
    case Authority::certificate_file:
      return "policy.certificate_files";
    case Authority::listen:
      return "policy.allow_listen";
    case Authority::admin_listen:
      return "policy.allow_admin";
    case Authority::none:
    case Authority::host:
    case Authority::instance:
      break;
  }
  return {};
}

}  // namespace orctl
