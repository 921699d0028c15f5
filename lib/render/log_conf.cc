#include "render/log_conf.h"

#include <fmt/format.h>

#include <utility>

#include "render/directives.h"

namespace orctl {
namespace {

using nginx::Config;
using nginx::Directive;

/// What decided an answer that is the gateway's own, empty for others. lua/orctl/balancer/phase.lua and the policies
/// say the status; of the rest that no server was asked for, nginx has turned away what it cannot take.
Config own_answers() {
  Directive out =
      block("map", {{"$orctl_error", true}, {"$orctl_decided", true}}, {directive("", {{"$orctl_no_peer", true}})});
  const std::pair<const char*, const char*> words[] = {
      {"400", "bad_request"}, {"404", "no_route"},   {"413", "client_max_body_size"},
      {"421", "strict_sni"},  {"429", "rate_limit"}, {"500", "fault"},
      {"502", "no_answer"},   {"503", "no_server"},  {"504", "no_answer"}};
  for (const auto& [status, word] : words) out.block.push_back(directive(status, {text(word)}));
  Directive own = block("map", {{"$status", true}, {"$orctl_by_nginx", true}}, {directive("default", {text("")})});
  const std::pair<const char*, const char*> of_nginx[] = {
      {"400", "bad_request"},        {"405", "method"},        {"408", "client_timeout"}, {"414", "uri_length"},
      {"417", "expectation"},        {"431", "header_length"}, {"494", "header_length"},  {"495", "client_certificate"},
      {"496", "client_certificate"}, {"497", "no_tls"},        {"499", "client_left"},    {"501", "transfer_encoding"},
      {"505", "http_version"}};
  for (const auto& [status, word] : of_nginx) own.block.push_back(directive(status, {text(word)}));
  return {std::move(own),
          block("map", {{"$upstream_addr", true}, {"$orctl_no_peer", true}},
                {directive("default", {text("")}), directive("", {{"$orctl_by_nginx", true}})}),
          std::move(out)};
}

/// The status of servers, where one of them was asked.
Directive peer_status(const std::string& variable, const std::string& status) {
  return block(
      "map", {{"$orctl_error", true}, {variable, true}},
      {fixed("default", {""}), directive("", {{status, true}}), fixed("502", {status}), fixed("504", {status})});
}

/// The tries behind the empty one.
Directive tries(const std::string& variable, const std::string& of) {
  return block("map", {{of, true}, {variable, true}}, {fixed("default", {of}), fixed("~^[^:,]*[ ]:[ ](.*)$", {"$1"})});
}

Directive format(const char* name, const std::string& peer, const std::string& status, const std::string& seconds) {
  return fixed(
      "log_format",
      {name, "escape=json",
       fmt::format(R"({{"time":"$time_iso8601","client":"$remote_addr","host":"$host","method":"$request_method",)"
                   R"("uri":"$request_uri","status":$status,"bytes":$body_bytes_sent,"seconds":$request_time,)"
                   R"("route":"$orctl_route","peer":"{}","peer_status":"{}","peer_seconds":"{}",)"
                   R"("tls":"$ssl_protocol","error":"$orctl_error","decided":"$orctl_decided"}})",
                   peer, status, seconds)});
}

}  // namespace

Config log_formats(bool turned_away) {
  Config out = own_answers();
  append(out, {peer_status("$orctl_peer_status", "$upstream_status"),
               format("orctl", "$upstream_addr", "$orctl_peer_status", "$upstream_response_time")});
  if (!turned_away) return out;
  append(out, {tries("$orctl_last_peer", "$upstream_addr"), tries("$orctl_last_statuses", "$upstream_status"),
               tries("$orctl_last_seconds", "$upstream_response_time"),
               peer_status("$orctl_last_status", "$orctl_last_statuses"),
               format("orctl_farewell", "$orctl_last_peer", "$orctl_last_status", "$orctl_last_seconds")});
  return out;
}

Directive access_log(const std::string& file, LogOf of) {
  return directive("access_log", {text(file), text(of == LogOf::usual ? "orctl" : "orctl_farewell")});
}

}  // namespace orctl
