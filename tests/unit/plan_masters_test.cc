#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "plan/masters.h"

using namespace orctl;

namespace {

using Action = Supervise::Action;
using Newcomer = Masters::Newcomer;

std::string next(const Masters& there) {
  const auto step = next_step(there);
  return step ? to_string(*step) : "";
}

Masters two(int first, int second) {
  Masters there;
  there.all = {{first}, {second}};
  there.current = first;
  return there;
}

/// An upgrade from 1 to 2 that was killed when both served.
Masters upgraded() {
  Masters there = two(1, 2);
  there.old_master = 1;
  there.current = 2;
  return there;
}

/// A host without one: what the steps do to the processes, and what each master would prove.
struct Host {
  Masters there;
  std::set<int> sound;       ///< those that prove that they serve what is on disk
  bool comes = true;         ///< the new master of an upgrade that is on its way
  std::vector<int> orphans;  ///< found once others have gone
  std::vector<std::string> story;

  void keep(int pid) {
    std::erase_if(there.all, [&](const auto& one) { return one.pid != pid; });
    there.current = there.all.empty() ? 0 : pid;
    there.old_master = 0;
    there.orphans.insert(there.orphans.end(), orphans.begin(), orphans.end());
    there.settled = true;
  }
  void carry(const AwaitNewMaster&) {
    there.newcomer = comes ? Newcomer::there : Newcomer::never_came;
    if (!comes) return;
    there.all.push_back({2});
    there.current = 2;
  }
  void carry(const ProveMaster& step) {
    REQUIRE_FALSE(there.faults.contains(step.pid));
    there.faults[step.pid] = sound.contains(step.pid) ? "" : "it serves another tree";
  }
  void carry(const Supervise& step) {
    REQUIRE((step.action == Action::retire || step.action == Action::revert));
    keep(step.action == Action::revert ? there.old_master : there.current);
  }
  void carry(const KeepMaster& step) { keep(step.pid); }
  void carry(const EndOrphans&) {
    REQUIRE(there.current != 0);
    there.orphans.clear();
  }
  void run() {
    while (const auto step = next_step(there)) {
      REQUIRE(story.size() < 12);
      story.push_back(to_string(*step));
      std::visit([this](const auto& one) { carry(one); }, *step);
    }
  }
};

/// Every host with up to three masters that differ in all that a step may go by.
template <class Act>
void for_each_host(Act act) {
  for (int count = 0; count <= 3; ++count)
    for (int bits = 0; bits < 1 << (3 * count); ++bits)
      for (int rest = 0; rest < 16; ++rest) {
        Host host;
        for (int i = 0; i < count; ++i) {
          const int its = bits >> (3 * i);
          host.there.all.push_back({i + 1, (its & 1) != 0, (its & 2) != 0});
          if ((its & 4) != 0) host.sound.insert(i + 1);
        }
        if ((rest & 1) != 0) host.there.orphans = {90};
        if ((rest & 2) != 0) host.orphans = {91, 92};
        if ((rest & 4) != 0 && count > 0) host.there.old_master = 1;
        if (host.there.old_master != 0 && count == 1) host.there.newcomer = Newcomer::on_its_way;
        host.comes = (rest & 8) != 0;
        host.there.current = host.there.old_master != 0 && count > 1 ? 2 : count > 0 ? 1 : 0;
        act(host);
      }
}

}  // namespace

TEST_CASE("of one master, or none, nothing is to be done") {
  Masters there;
  CHECK(next(there).empty());
  there.all = {{7}};
  there.current = 7;
  CHECK(next(there).empty());
}

TEST_CASE("an upgrade that was killed is finished when the new master proves itself, and else taken back") {
  Masters there = upgraded();
  CHECK(next(there) == "prove-master 2");
  there.faults[2] = "worker 5 serves another tree";
  CHECK(next(there) == "supervise-revert");
  there.faults[2] = "";
  CHECK(next(there) == "supervise-retire");
  there.settled = true;
  CHECK(next(there).empty());
}

TEST_CASE("an upgrade whose old master has begun to go is finished without a question: there is no way back") {
  Masters there = upgraded();
  there.all[0].leaving = true;
  CHECK(next(there) == "supervise-retire");
}

TEST_CASE("a new master that is on its way is waited for, and the upgrade taken back when it does not come") {
  Masters there;
  there.all = {{1}};
  there.current = there.old_master = 1;
  there.newcomer = Newcomer::on_its_way;
  CHECK(next(there) == "await-new-master");
  there.newcomer = Newcomer::never_came;
  CHECK(next(there) == "supervise-revert");
}

TEST_CASE("of masters beside each other the unit's stays, else the first that proves itself, else the pid file's") {
  Masters there = two(1, 2);
  there.all[1].in_unit = true;
  CHECK(next(there) == "keep-master 2");
  there.all[1].in_unit = false;
  CHECK(next(there) == "prove-master 1");
  there.faults[1] = "it does not answer";
  CHECK(next(there) == "prove-master 2");
  there.faults[2] = "";
  CHECK(next(there) == "keep-master 2");
  there.faults[2] = "it does not answer";
  CHECK(next(there) == "keep-master 1");
  there.all[0].leaving = true;
  there.faults.clear();
  CHECK(next(there) == "prove-master 2");
}

TEST_CASE("workers of a killed master end where a master serves, and serve on where none does") {
  Masters there;
  there.orphans = {8, 9};
  CHECK(next(there).empty());
  there.all = {{1}};
  there.current = 1;
  CHECK(next(there) == "end-orphans");
  there = two(1, 2);
  there.orphans = {8};
  CHECK(next(there) == "prove-master 1");
}

TEST_CASE(
    "whatever was left, it comes to one master without orphans, and nobody who serves is ended for one who does not") {
  for_each_host([](Host host) {
    const Masters before = host.there;
    const auto in_unit =
        std::find_if(before.all.begin(), before.all.end(), [](const auto& one) { return one.in_unit; });
    host.run();
    CAPTURE(host.story.size());
    REQUIRE(host.there.all.size() == std::min<size_t>(before.all.size(), 1));
    REQUIRE((host.there.current != 0) == !before.all.empty());
    REQUIRE((host.there.current == 0 || host.there.orphans.empty()));
    if (before.all.size() < 2 || before.old_master != 0) return;
    const auto can_serve = [&](const auto& one) { return !one.leaving && host.sound.contains(one.pid); };
    if (in_unit != before.all.end())
      REQUIRE(host.there.current == in_unit->pid);
    else if (std::any_of(before.all.begin(), before.all.end(), can_serve))
      REQUIRE(host.sound.contains(host.there.current));
  });
}

TEST_CASE("an upgrade leaves the new master exactly when that is sound, or the old one goes already") {
  for_each_host([](Host host) {
    if (host.there.old_master == 0 || host.there.all.size() > 2) return;
    const bool came = host.there.all.size() == 2 || host.comes;
    const bool goes = host.there.all[0].leaving;
    host.run();
    REQUIRE(host.there.current == (came && (goes || host.sound.contains(2)) ? 2 : 1));
  });
}
