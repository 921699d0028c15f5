#pragma once
#include <initializer_list>
#include <string>
#include <vector>

#include "nginx/config.h"

/// The words in which nginx.conf is written.
namespace orctl {

/// A value of the manifest or a path: `$` in it is a dollar.
inline nginx::Arg text(std::string value) { return {std::move(value), false}; }
inline nginx::Arg text(int64_t value) { return {std::to_string(value), false}; }

inline nginx::Directive directive(std::string name, std::vector<nginx::Arg> args) {
  nginx::Directive d;
  d.name = std::move(name);
  d.args = std::move(args);
  return d;
}

/// A directive whose arguments are ours, not the manifest's: `$` names a variable.
inline nginx::Directive fixed(std::string name, std::initializer_list<std::string> args) {
  nginx::Directive d;
  d.name = std::move(name);
  for (const std::string& a : args) d.args.push_back({a, true});
  return d;
}

inline nginx::Directive block(std::string name, std::vector<nginx::Arg> args, nginx::Config body) {
  nginx::Directive d = directive(std::move(name), std::move(args));
  d.has_block = true;
  d.block = std::move(body);
  return d;
}

inline nginx::Directive lua(std::string phase, std::string code) {
  nginx::Directive d;
  d.name = std::move(phase) + "_by_lua_block";
  d.has_block = true;
  d.lua = " " + std::move(code) + " ";
  return d;
}

inline void append(nginx::Config& to, nginx::Config more) {
  for (nginx::Directive& d : more) to.push_back(std::move(d));
}

}  // namespace orctl
