#pragma once
#include <fmt/format.h>

#include "cli/command.h"
#include "live/live_tree.h"
#include "live/observe.h"
#include "store/select.h"

namespace orctl {

/// Looks at one of many, and remembers how it went: a fault of one is told, and leaves the answers about the others.
class Among {
 public:
  explicit Among(Io& io) : io_(io) {}

  /// What `look` does counts as an answer, unless it throws.
  template <class Look>
  void each(Look look) {
    try {
      look();
      ++answers_;
    } catch (const Error& e) {
      stop_if_interrupted();
      fault(e);
    }
  }
  void fault(const Error& e) {
    io_.error(e);
    if (first_ == Exit::ok) first_ = e.exit();
  }
  /// Takes the faults that select_instances() finds.
  std::function<void(const Error&)> unread() {
    return [this](const Error& e) { fault(e); };
  }
  /// 0, or 6 when some could be told of and some not, or the first fault's own code when none could.
  Exit exit() const { return first_ == Exit::ok || answers_ == 0 ? first_ : Exit::partial; }

 private:
  Io& io_;
  size_t answers_ = 0;
  Exit first_ = Exit::ok;
};

/// Why nothing that only the gateway of an instance knows can be told: it runs and does not answer.
inline std::optional<Error> silence_of(const Observed& o) {
  if (o.pid == 0 || o.status) return std::nullopt;
  return Error(Exit::unreachable,
               fmt::format("{}: its gateway does not answer{}", o.name, o.problem.empty() ? "" : ": " + o.problem),
               "orctl restart " + o.name);
}

/// Tells who besides root could change what an instance runs.
inline void warn_distrusted(Io& io, const Observed& o, const World& world) {
  const auto found = o.version ? distrust_live_tree(o.tree_path, world) : std::nullopt;
  if (found)
    io.warn(fmt::format("{}: '{}' {}, who could change what its tree runs", o.name, found->path, found->why),
            found->remedy);
}

/// A file of the store as an Error.
inline Error file_error(const Git::Fault& fault) {
  return Error(Exit::target, fmt::format("the version store's {} is damaged: {}", fault.what, fault.why),
               "orctl store verify names all that is damaged, and how to mend it");
}

/// Says what of the store hides an instance whose name is not known.
inline void tell_hidden(const World& world, const std::function<void(const Error&)>& tell) {
  for (const Git::Fault& fault : world.git.file_faults())
    if (fault.what == "packed-refs" || fault.file == world.git.path()) tell(file_error(fault));
}

}  // namespace orctl
