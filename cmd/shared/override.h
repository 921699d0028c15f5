#pragma once
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "base/whose.h"
#include "change/held.h"
#include "change/request.h"
#include "cli/command.h"
#include "gateway/overrides.h"
#include "shared/change.h"
#include "sys/interrupt.h"

namespace orctl {

/// What drain, maint, ready, weight, add server and remove server have in common: they differ in the change they make.
struct OverrideOptions {
  std::vector<std::string> servers, labels;
  std::string lasts;
  Millis timeout{300000};
  bool ignore_min_healthy = false, wait = false;
  ChangeFlags change;
};

enum class Reason { optional, required };
enum class Wait { no, offered };

void add_override_flags(Flags& f, OverrideOptions& o, Reason reason, Wait wait);
void add_servers(Flags& f, OverrideOptions& o);
/// Flags of what takes a server out of use: a reason is wanted, and one may wait for its last request.
void leaving_flags(Flags& f, OverrideOptions& o);

/// Who calls, as the audit log names him.
std::string invoker(const World& world);

std::vector<ServerPath> parse_paths(const std::vector<std::string>& texts, PathDepth least);

/// The failures of some targets: told, and made one exit code. None done: the first one's own.
class Failures {
 public:
  explicit Failures(Io& io) : io_(io) {}
  void add(const Error& e);
  Exit exit(size_t done) const { return exit_ == Exit::ok || done == 0 ? exit_ : Exit::partial; }

 private:
  Io& io_;
  Exit exit_ = Exit::ok;
};

/// What became of a server whose override was not changed.
enum class Undone { failed, not_attempted };
/// Says that in the JSON document, and of one that was not attempted in the text, too; the error tells of the other.
void tell_undone(Io& io, const ServerName& server, Undone how);

inline const ServerName& server_of(const ServerName& server) { return server; }
inline const ServerName& server_of(const Override& one) { return one.server; }

/// Waits until every worker of the instances serves with the overrides that were changed; the instances in which some
/// do not are failures, and returned.
std::set<std::string> unfollowed(const std::set<std::string>& instances, Millis limit, const World& world, Io& io,
                                 Failures& failures);

/// Calls `act` for each item with the lock of its instance held, one instance after the other: an upgrade, which begins
/// with what the old nginx has kept, comes before a change or after it. Failures of an item do not keep the others;
/// `undone` is called with each that was not done.
template <class Item, class Act, class Tell>
void with_locks(const std::vector<Item>& items, const Request& request, World& world, Io& io, Failures& failures,
                const Act& act, const Tell& undone) {
  std::vector<std::string> names;
  for (const Item& item : items)
    if (const std::string& name = server_of(item).instance; std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(name);
  for (const std::string& name : names) try {
      const Held held({name}, world, request, remarks(io));
      for (const Item& item : items)
        if (Undone how = Undone::not_attempted; server_of(item).instance == name) try {
            stop_if_interrupted();
            how = Undone::failed;
            act(item);
          } catch (const Error& e) {
            failures.add(named(e, items.size() > 1 ? server_of(item).str() : name));
            undone(item, how);
          }
    } catch (const Error& e) {
      failures.add(named(e, name));
      for (const Item& item : items)
        if (server_of(item).instance == name) undone(item, Undone::not_attempted);
    }
}

using ChooseServers = Chosen<ServerName> (*)(const std::vector<ServerPath>&, const std::vector<std::string>&,
                                             const World&);
/// The servers that the command's paths mean. Of several that were named, those that are not among them are told.
Chosen<ServerName> chosen_servers(const OverrideOptions& o, ChooseServers choose, const World& world, Io& io);

/// Makes `change` for every server in turn, then waits for them together. `command` is what the audit log says.
Exit run_override(const std::string& command, const std::string& result, OverrideChange change,
                  const Chosen<ServerName>& chosen, const OverrideOptions& o, World& world, Io& io);

/// The same for the servers that the command's paths choose.
Exit run_override(const std::string& command, const std::string& result, const OverrideChange& change,
                  const OverrideOptions& o, World& world, Io& io);

}  // namespace orctl
