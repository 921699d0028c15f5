#include "shared/among.h"

#include <fmt/format.h>

#include "live/live_tree.h"

namespace orctl {

void Among::fault(const Error& e) {
  io_.error(e);
  if (first_ == Exit::ok) first_ = e.exit();
}

std::function<void(const Error&)> Among::unread() {
  return [this](const Error& e) { fault(e); };
}

std::optional<Error> silence_of(const Observed& o) {
  if (o.pid == 0 || o.status) return std::nullopt;
  return Error(Exit::unreachable,
               fmt::format("{}: its gateway does not answer{}", o.name, o.problem.empty() ? "" : ": " + o.problem),
               "orctl restart " + o.name);
}

void warn_distrusted(Io& io, const Observed& o, const World& world) {
  const auto found = o.version ? distrust_live_tree(o.tree_path, world) : std::nullopt;
  if (found)
    io.warn(fmt::format("{}: '{}' {}, who could change what its tree runs", o.name, found->path, found->why),
            found->remedy);
}

Error file_error(const Git::Fault& fault) {
  return Error(Exit::target, fmt::format("the version store's {} is damaged: {}", fault.what, fault.why),
               "orctl store verify names all that is damaged, and how to mend it");
}

void tell_hidden(const World& world, const std::function<void(const Error&)>& tell) {
  for (const Git::Fault& fault : world.git.file_faults())
    if (fault.what == "packed-refs" || fault.file == world.git.path()) tell(file_error(fault));
}

}  // namespace orctl
